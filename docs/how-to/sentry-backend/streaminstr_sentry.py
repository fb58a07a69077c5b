"""Sentry as a backend of streaminstr: one transaction for each stream."""

from datetime import UTC, datetime

import sentry_sdk
from sentry_sdk.tracing import Transaction


class SentryBackend:
    """Each stream is a transaction of the request's trace.

    It is no child span of the request's transaction: that is sent when the request ends, and
    Sentry discards the spans in it which have not finished.
    """

    def open(self, info):
        return SentryScope(info, sentry_sdk.get_current_span())

    def flush(self, timeout):
        sentry_sdk.flush(timeout)


class SentryScope:
    def __init__(self, info, parent):
        self._info = info
        # Its ids: it may have finished by the time of start().
        self._parent = {}
        if parent is not None and info.parent == "child":
            self._parent = {
                "trace_id": parent.trace_id,
                "parent_span_id": parent.span_id,
                "parent_sampled": parent.sampled,
            }

    def start(self):
        # A Scope can be changed, and a Context shares it with the request's: fork it.
        scope = sentry_sdk.get_current_scope().fork()
        sentry_sdk.Scope.set_current_scope(scope)
        started = self._info.started_ns
        scope.span = self._transaction = scope.start_transaction(
            Transaction(
                name=self._info.name,
                op="http.stream",
                start_timestamp=None if started is None else started / 1e9,
                **self._parent,
            )
        )
        self._transaction.update_data(self._info.as_attributes())
        return {"trace_id": self._transaction.trace_id, "span_id": self._transaction.span_id}

    def close(self, report):
        if report.error is not None:
            sentry_sdk.capture_exception(report.error)
        self._transaction.update_data(report.as_attributes())
        if report.is_error:
            self._transaction.set_status("internal_error")
        elif self._transaction.status is None:  # what the body has set stands
            self._transaction.set_status("ok")
        self._transaction.finish(end_timestamp=datetime.now(UTC))
