"""The registry of attributes: what docs/reference/attributes.md is written from.

    python tests/support/attribute_table.py > docs/reference/attributes.md

tests/backends/test_attributes.py compares it with what is really set, with the page, and with
OpenTelemetry's own package of semantic conventions.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

SEMCONV = "https://opentelemetry.io/docs/specs/semconv"


class Documented(NamedTuple):
    """One attribute of a stream's span, which is a field of its closing log event too."""

    name: str
    type: str
    unit: str
    when: str
    """When it is set, and to what."""
    source: str = "streaminstr"
    datadog: str = "same name"
    """Where Datadog has it."""


AT_START = (
    Documented(
        "http.request.method",
        "string",
        "",
        "Responses: the method, or `_OTHER` where it is none of those that are known",
        f"{SEMCONV}/registry/attributes/http/",
        "tag `http.method`",
    ),
    Documented(
        "http.route",
        "string",
        "",
        "Responses of a view: the pattern of its URL, never the path",
        f"{SEMCONV}/registry/attributes/http/",
    ),
    Documented(
        "http.response.status_code",
        "int",
        "",
        "Responses: the status code",
        f"{SEMCONV}/registry/attributes/http/",
        "tag `http.status_code`, as text",
    ),
    Documented(
        "url.path",
        "string",
        "",
        "Responses: the path of the request, without the query string",
        f"{SEMCONV}/registry/attributes/url/",
    ),
    Documented(
        "streaminstr.content_type",
        "string",
        "",
        "Responses with a `Content-Type`: the media type without its parameters",
    ),
    Documented(
        "streaminstr.stream_id",
        "string",
        "",
        "Always: 16 random hex digits, the same on all log events of the stream, and "
        "`current_stream().id`",
    ),
)
"""Set where the span starts, so that samplers see them."""

AT_END = (
    Documented(
        "streaminstr.outcome",
        "string",
        "",
        "Always: `completed`, `failed`, `cancelled` or `abandoned`",
    ),
    Documented(
        "streaminstr.cancelled_by",
        "string",
        "",
        "`cancelled`, where the cause is known: `client` or `server`",
    ),
    Documented(
        "streaminstr.close_reason",
        "string",
        "",
        "`cancelled` by the `server`, where one stream was asked to end: `DRAIN`, `MAX_AGE`, "
        "`MAX_STALL`, or the text that an operator has given",
    ),
    Documented("streaminstr.chunks", "int", "{chunk}", "Always: how many chunks the body yielded"),
    Documented(
        "streaminstr.bytes",
        "int",
        "By",
        "Always: their size as given to the server; text counts as encoded, what is neither "
        "bytes nor text as nothing. With a file that the server sent by itself: "
        "`Content-Length`, and unset without one",
    ),
    Documented(
        "streaminstr.time_to_first_chunk",
        "double",
        "s",
        "Where there was a chunk: from the making of the stream",
    ),
    Documented(
        "streaminstr.request_time_to_first_chunk",
        "double",
        "s",
        "Where there was a chunk and the beginning of the request is known: from there",
    ),
    Documented(
        "streaminstr.longest_gap",
        "double",
        "s",
        "Always: the longest time from one chunk to the next; of an event stream, from event to "
        "event",
    ),
    Documented(
        "streaminstr.producer_time",
        "double",
        "s",
        "Always: spent inside steps, the body at work",
    ),
    Documented(
        "streaminstr.consumer_time",
        "double",
        "s",
        "Always: spent between steps, the server and the client at work",
    ),
    Documented(
        "streaminstr.events",
        "int",
        "{event}",
        "Event streams: how many events with data the body yielded",
    ),
    Documented(
        "streaminstr.pings",
        "int",
        "{ping}",
        "Event streams: how many chunks were comments alone. They move no clock but that of chunks",
    ),
    Documented(
        "streaminstr.time_to_first_event",
        "double",
        "s",
        "Event streams with an event: from the making of the stream to the end of its first event",
    ),
    Documented(
        "streaminstr.upstream_time",
        "double",
        "s",
        "Where the body reads other streams of this library: the part of the producer time that "
        "their steps took",
    ),
    Documented(
        "streaminstr.bottleneck",
        "string",
        "",
        "At the end, where one of them took over half of the duration and over 0.1 s: `upstream`, "
        "`producer` (without upstream) or `consumer`",
    ),
    Documented(
        "streaminstr.buffered",
        "boolean",
        "",
        "Django, where the body is of the other kind than the handler, async under WSGI or sync "
        "under ASGI, and so is read whole before the first byte is sent: `true`",
        datadog="tag, `true`",
    ),
    Documented(
        "streaminstr.db_connections",
        "int",
        "{connection}",
        "Django with `DATABASES`: how many connections the request holds while the body is "
        "stepped. Never on metrics",
    ),
    Documented(
        "streaminstr.zero_copy",
        "boolean",
        "",
        "A file that the server sent by itself (`wsgi.file_wrapper`): `true`",
        datadog="tag, `true`",
    ),
    Documented(
        "streaminstr.loop_lag",
        "double",
        "s",
        "Streams of an asyncio loop, with the option `progress_interval`: the largest time that "
        "the loop took to run what was handed to it, of those that were seen while the stream was "
        "open",
    ),
    Documented(
        "streaminstr.segment",
        "int",
        "{segment}",
        "Streams that were cut, with the option `segment_interval`: the number of the segment, "
        "from 0. On the closing event, that of the last",
    ),
    Documented(
        "streaminstr.resumed",
        "boolean",
        "",
        "Responses to a request with the header `Last-Event-ID`: `true`",
        datadog="tag, `true`",
    ),
    Documented(
        "streaminstr.reason",
        "string",
        "",
        "`failed`, where the body reported it with a text: `current_stream().fail(text)`",
    ),
    Documented(
        "streaminstr.mark.NAME",
        "double",
        "s",
        "Where the body called `current_stream().mark(NAME)`: from the making of the stream",
    ),
    Documented(
        "streaminstr.rate.NAME",
        "double",
        "1/s",
        "Where the body called `current_stream().add(NAME, number, rate=True)`: the sum for each "
        "second of `streaminstr.producer_time`; the sum itself is under NAME",
    ),
    Documented(
        "error.type",
        "string",
        "",
        "`failed`: the class of the exception, `ValueError` or `shop.errors.OutOfStock`; `_OTHER` "
        "where the body reported a text, or its `error_type`; `truncated` "
        "where the body ended without its end marker. "
        "`cancelled` with the option `cancelled_is_error`: `cancelled`. What the body has "
        "set under this name stands",
        f"{SEMCONV}/registry/attributes/error/",
    ),
)
"""Set where it ends."""

IN_PROGRESS = (
    Documented(
        "streaminstr.stalled",
        "string",
        "",
        "The log event `stream_progress` only: whose turn it is, `producer` or `consumer`",
        datadog="log event",
    ),
)

_HEAD = """\
# Attributes

These are on the span of a stream, and fields of its closing log event `stream_closed`, under the
same names, which `streaminstr.attributes` has as constants.

Datadog knows no types but text (tags) and numbers (metrics, in its own word): what is a string or
boolean here is a tag there, what is an int or double is a metric, and the last column says what
else is different. The name of the stream is the span's name with OpenTelemetry; with Datadog it
is the resource, and the operation is always `streaminstr.stream`. What an application sets itself,
with `attributes=...` or `current_stream().set_attribute(...)`, is set under its own name.
"""


def as_markdown() -> str:
    """The page."""
    parts = {
        "Where the span starts": AT_START,
        "Where it ends": AT_END,
        "While it is open": IN_PROGRESS,
    }
    tables = [f"## {title}\n\n{_table(rows)}" for title, rows in parts.items()]
    return "\n".join([_HEAD, *tables])


def _table(rows: tuple[Documented, ...]) -> str:
    lines = ["| name | type | unit | when it is set | with Datadog |", "|---|---|---|---|---|"]
    for row in rows:
        name = f"`{row.name}`"
        if row.source != "streaminstr":
            name = f"[{name}]({row.source})"
        unit = f"`{row.unit}`" if row.unit else ""
        lines.append(f"| {name} | {row.type} | {unit} | {row.when} | {row.datadog} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":  # pragma: no cover - the command that writes the page
    sys.stdout.write(as_markdown())
