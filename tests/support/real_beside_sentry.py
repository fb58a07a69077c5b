"""Sentry, with all its integrations; its transport keeps what it would send."""

from __future__ import annotations

import sentry_sdk
from sentry_sdk.transport import Transport

DJANGO_MIDDLEWARE = ()
reports = []


class Kept(Transport):
    def capture_envelope(self, envelope):
        for item in envelope.items:
            if event := item.get_event():
                reports.append(["error", _errors(event)])
            elif transaction := item.get_transaction_event():
                reports.append(["transaction", transaction["transaction"]])


def _errors(event):
    return [error["type"] for error in event.get("exception", {}).get("values", ())]


def start():
    sentry_sdk.init("http://key@127.0.0.1:9/1", transport=Kept, traces_sample_rate=1.0)


def flush():
    sentry_sdk.flush(2)


def unchanged(app):
    return app


asgi = wsgi = starlette = flask = unchanged
"""What is done to an application: Sentry patches frameworks."""
