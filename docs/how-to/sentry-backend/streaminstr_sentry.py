"""Sentry as a backend of streaminstr: one span for each stream.

Sentry has to stream its spans: `sentry_sdk.init(..., trace_lifecycle="stream")`.
"""

import sentry_sdk
from sentry_sdk import traces


class SentryBackend:
    """Each stream is a child of the request's span, which may have ended before it."""

    def open(self, info):
        return SentryScope(info, traces.get_current_span())

    def trace_id(self):
        span = traces.get_current_span()
        return None if span is None else int(span.trace_id, 16)

    def flush(self, timeout):
        sentry_sdk.flush(timeout)


class SentryScope:
    def __init__(self, info, parent):
        self._info = info
        self._parent = parent

    def start(self):
        # A Scope can be changed, and a Context shares it with the request's: fork it.
        scope = sentry_sdk.get_current_scope().fork()
        sentry_sdk.Scope.set_current_scope(scope)
        if self._info.parent == "link":
            sentry_sdk.Scope.set_isolation_scope(sentry_sdk.get_isolation_scope().fork())
            traces.new_trace()
            self._parent = None
        self._span = traces.start_span(
            self._info.name, self._info.as_attributes(), parent_span=self._parent
        )
        self._parent = None
        return {"trace_id": self._span.trace_id, "span_id": self._span.span_id}

    def close(self, report):
        if report.error is not None:
            sentry_sdk.capture_exception(report.error)
        self._span.set_attributes(report.as_attributes())
        if report.is_error:  # only ever raised: what the body has set stands
            self._span.status = "error"
        self._span.end()
