"""New Relic's agent in its developer mode, which sends nothing; its transactions are kept."""

from __future__ import annotations

import os

DJANGO_MIDDLEWARE = ()
OPTIONS = {
    "APP_NAME": "shop",
    "DEVELOPER_MODE": "true",
    "LICENSE_KEY": "0" * 40,
    "STARTUP_TIMEOUT": "10",
}
os.environ.update({f"NEW_RELIC_{name}": value for name, value in OPTIONS.items()})

import newrelic.agent  # noqa: E402 - reads its options as it is imported
from newrelic.core.agent import Agent  # noqa: E402

reports = []


def start():
    newrelic.agent.initialize()
    record = Agent.record_transaction

    def keep(self, name, transaction):
        errors = [error.type for error in transaction.errors]
        reports.append(["transaction", transaction.path, errors])
        return record(self, name, transaction)

    Agent.record_transaction = keep
    newrelic.agent.register_application(timeout=10)


def flush():
    """It keeps no one waiting."""


def asgi(app):
    return newrelic.agent.ASGIApplicationWrapper(app)


def wsgi(app):
    return newrelic.agent.WSGIApplicationWrapper(app)


def starlette(app):
    return app


def flask(app):
    return app
