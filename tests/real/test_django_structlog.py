"""django-structlog, which wraps the body in a generator that binds the request's id."""

import pytest
import structlog

from real_check import check
from real_django import Django
from real_rows import async_rows, rows
from real_spans import notes

STRUCTLOG = ("django_structlog.middlewares.RequestMiddleware",)


@pytest.fixture(autouse=True)
def _events_are_notes():
    def remember(logger, method, event):
        notes.append((event["event"], "request_id" in event, event.get("code")))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, remember])
    yield
    structlog.configure(**before)


def test_its_events_of_a_sync_body(wsgi_ending, net):
    plain, _ = check(Django(rows, protocol="wsgi", net=net, middleware=STRUCTLOG), wsgi_ending)
    assert ("streaming_started", True, None) in plain.seen.notes


def test_its_events_of_an_async_body(ending, net):
    plain, _ = check(Django(async_rows, net=net, middleware=STRUCTLOG), ending)
    assert ("streaming_started", True, None) in plain.seen.notes
