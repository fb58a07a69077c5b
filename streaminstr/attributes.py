"""Names of the attributes on a stream's span, which are also fields of its log events.

docs/reference/attributes.md says when each is set. The `http.*`, `url.*` and `error.*` names are
those of OpenTelemetry's semantic conventions (https://opentelemetry.io/docs/specs/semconv/).
"""

from __future__ import annotations

PREFIX = "streaminstr."

STREAM_ID = "streaminstr.stream_id"
NAME = "streaminstr.name"
"""On metrics only, where the name of the span is not known."""
CONTENT_TYPE = "streaminstr.content_type"

OUTCOME = "streaminstr.outcome"
CANCELLED_BY = "streaminstr.cancelled_by"
CLOSE_REASON = "streaminstr.close_reason"
CHUNKS = "streaminstr.chunks"
BYTES = "streaminstr.bytes"
EVENTS = "streaminstr.events"
PINGS = "streaminstr.pings"
TIME_TO_FIRST_CHUNK = "streaminstr.time_to_first_chunk"
REQUEST_TIME_TO_FIRST_CHUNK = "streaminstr.request_time_to_first_chunk"
TIME_TO_FIRST_EVENT = "streaminstr.time_to_first_event"
LONGEST_GAP = "streaminstr.longest_gap"
PRODUCER_TIME = "streaminstr.producer_time"
CONSUMER_TIME = "streaminstr.consumer_time"
UPSTREAM_TIME = "streaminstr.upstream_time"
BOTTLENECK = "streaminstr.bottleneck"
STALLED = "streaminstr.stalled"
BUFFERED = "streaminstr.buffered"
DB_CONNECTIONS = "streaminstr.db_connections"
LOOP_LAG = "streaminstr.loop_lag"
SEGMENT = "streaminstr.segment"
RESUMED = "streaminstr.resumed"
ZERO_COPY = "streaminstr.zero_copy"
REASON = "streaminstr.reason"
MARK = "streaminstr.mark."
"""Prefix of the seconds to each mark."""
RATE = "streaminstr.rate."
"""Prefix of the rate of each sum."""

ERROR_TYPE = "error.type"
HTTP_METHOD = "http.request.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS = "http.response.status_code"
URL_PATH = "url.path"
