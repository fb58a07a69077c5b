"""Bindings in context variables: in each step, with the ids of the span, and nowhere else."""

import asyncio

import pytest
import structlog

import log_site
import log_vendors
import streaminstr
from log_lines import in_mode, line, lines, values
from log_site import in_thread
from streaminstr import _configure

log = structlog.get_logger("site")


@pytest.fixture(autouse=True)
def _mode():
    in_mode("contextvars")
    with _configure.forced(_configure.build("log")):
        yield


@pytest.fixture(params=[log_site.DJANGO_STRUCTLOG, log_site.PASSED])
def site(request, vendor):
    """Django with django-structlog 11 or a middleware of one's own; gives the ids of its spans."""
    backend, finished = vendor
    with (
        _configure.forced(_configure.build(backend)),
        log_site.site([request.param], BACKEND=backend),
    ):
        yield finished


def belong(finished, *requests):
    """Whether each request has three lines in its body, all with the ids of a span of its own."""
    spans = finished()
    owners = []
    for request in requests:
        body = [each for each in lines("Yielding...") if each["request_id"] == request]
        owners += [spans.index(ids) for ids in spans if [each | ids for each in body] == body]
        assert len(body) == 3
    return sorted(owners) == list(range(len(requests)))


def nothing_on(event):
    found = lines(event)
    return bool(found) and all(each.keys() <= {"event", "log_level", "chunks"} for each in found)


def test_two_responses_that_take_turns_on_one_thread_never_swap(site):
    log_site.by_turns("r1", "r2")
    assert belong(site, "r1", "r2")
    assert nothing_on("between")


def test_each_step_on_a_thread_of_its_own_has_them_and_leaves_the_thread_clean(site):
    log_site.by_hops("r1")
    assert belong(site, "r1")
    assert nothing_on("between")


async def test_two_responses_at_once_by_asgi_never_swap(site):
    both = (log_site.by_asgi("/undecorated/", **{"x-request-id": name}) for name in ("r1", "r2"))
    await asyncio.gather(*both)
    assert belong(site, "r1", "r2")
    assert nothing_on("between")


def test_the_next_request_of_the_thread_finds_nothing(site):
    def two_requests():
        log_site.by_wsgi("/undecorated/", **{"x-request-id": "r1"})
        log.info("idle")
        log_site.by_wsgi("/plain/", **{"x-request-id": "r2"})

    in_thread(two_requests)
    assert nothing_on("idle")
    assert line("view")["request_id"] == "r2"
    assert line("view").keys() <= {"event", "log_level", "request_id", "ip"}


def test_what_the_body_binds_is_there_in_the_next_step_and_on_the_closing_event_alone():
    def body():
        structlog.contextvars.bind_contextvars(row=1)
        yield 1
        log.info("step")
        yield 2

    stream = streaminstr.stream(body(), name="n")
    for _ in stream:
        log.info("between")
    assert values("step", "row") == values("stream_closed", "row") == [(1,)]
    assert values("between", "row") == [(None,), (None,)]


def test_what_the_body_unbinds_is_still_bound_outside():
    def body():
        structlog.contextvars.unbind_contextvars("request")
        log.info("step")
        yield 1

    with structlog.contextvars.bound_contextvars(request="a"):
        for _ in streaminstr.stream(body(), name="n"):
            log.info("between")
    assert values("step", "request") + values("between", "request") == [(None,), ("a",)]


async def test_a_task_that_the_body_starts_has_them_too():
    async def work():
        log.info("task")

    async def body():
        await asyncio.create_task(work())
        yield 1

    with structlog.contextvars.bound_contextvars(request="a"):
        stream = streaminstr.stream(body(), name="n")
    async for _ in stream:
        pass
    assert line("task")["request"] == "a"


def test_two_backends_give_the_fields_of_both():
    def body():
        log.info("step")
        yield 1

    with log_vendors.opentelemetry() as (otel, otel_ids), log_vendors.ddtrace() as (dd, dd_ids):
        with _configure.forced(_configure.build([otel, dd])):
            list(streaminstr.stream(body(), name="n"))
        expected = otel_ids()[0] | dd_ids()[0]
    assert line("step") | expected == line("step")
