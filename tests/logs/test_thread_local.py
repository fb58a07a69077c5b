"""Thread-local bindings: captured where the stream is made, in force in steps and clean-up only."""

import asyncio
import warnings
from contextvars import copy_context

import pytest
import structlog
from asgiref.local import Local

import log_site
import streaminstr
from log_lines import in_mode, line, values
from log_site import in_thread
from streaminstr import _configure
from streaminstr.log import structured as ours

pytestmark = pytest.mark.filterwarnings("ignore:`structlog.threadlocal` is dep:DeprecationWarning")

log = structlog.get_logger("site")


class WrapDict:
    """One dict for each thread, behind every logger's own `bind`."""

    mode = "wrap_dict"

    def bind(self, **values):
        log.bind(**values)

    def clear(self):
        log.new()


class BindThreadlocal:
    """One dict for each thread, merged in by a processor."""

    mode = "bind_threadlocal"

    def bind(self, **values):
        structlog.threadlocal.bind_threadlocal(**values)

    def clear(self):
        structlog.threadlocal.clear_threadlocal()


@pytest.fixture(params=[WrapDict, BindThreadlocal])
def way(request):
    """The two ways of structlog.threadlocal, configured."""
    found = request.param()
    in_mode(found.mode)
    with _configure.forced(_configure.build("log")):
        yield found


def test_what_was_bound_where_the_stream_is_made_is_there_in_each_step_on_any_thread(way):
    def body():
        while True:
            log.info("step")
            yield 1

    way.bind(request="a")
    stream = streaminstr.stream(body(), name="n")
    way.clear()
    next(stream)
    in_thread(next, stream)
    stream.close()
    assert values("step", "request") == [("a",), ("a",)]


def test_what_the_body_binds_stays_for_its_next_step_on_whichever_thread(way):
    def body():
        way.bind(row=1)
        yield 1
        log.info("step")
        way.clear()
        yield 2
        log.info("cleared")
        yield 3

    stream = streaminstr.stream(body(), name="n")
    for _ in range(3):
        in_thread(next, stream)
    stream.close()
    assert (line("step")["row"], line("cleared").get("row")) == (1, None)


def test_the_thread_that_steps_has_its_own_bindings_back_after_each_step(way):
    def body():
        way.bind(server="overwritten", row=1)
        yield 1
        way.clear()
        yield 2

    stream = streaminstr.stream(body(), name="n")
    way.bind(server="mine")
    for _ in stream:
        log.info("between")
    assert values("between", "server", "row") == [("mine", None)] * 2


def test_a_thread_that_had_nothing_bound_has_nothing_bound_after_a_step(way):
    def step():
        next(stream)
        log.info("between")

    way.bind(request="a")
    stream = streaminstr.stream(iter("ab"), name="n")
    in_thread(step)
    stream.close()
    assert line("between").keys() == {"event", "log_level"}


def test_two_streams_that_take_turns_on_one_thread_never_swap(way):
    def body():
        while True:
            log.info("step")
            yield 1

    streams = []
    for request in "ab":
        way.bind(request=request)
        streams.append(streaminstr.stream(body(), name=request))
    way.clear()
    for stream in streams * 2:
        next(stream)
    for stream in streams:
        stream.close()
    assert values("step", "request") == [("a",), ("b",), ("a",), ("b",)]


def test_a_step_within_a_step_leaves_the_outer_one_as_it_was(way):
    def outer():
        way.bind(request="outer")
        inner = streaminstr.stream(iter("ab"), name="inner")
        way.bind(row=1)
        list(inner)
        log.info("step")
        yield 1

    list(streaminstr.stream(outer(), name="outer"))
    assert values("step", "request", "row") == [("outer", 1)]


def test_the_clean_up_of_a_stream_that_is_closed_elsewhere_has_them(way):
    def body():
        try:
            yield 1
        finally:
            log.info("clean-up")

    way.bind(request="a")
    stream = streaminstr.stream(body(), name="n")
    way.clear()
    next(stream)
    in_thread(stream.close)
    assert line("clean-up")["request"] == line("stream_closed")["request"] == "a"


def test_the_closing_event_has_nothing_of_the_request_in_which_it_comes(way):
    way.bind(request="a")
    stream = streaminstr.stream(iter("ab"), name="n")
    next(stream)
    way.clear()
    way.bind(request="b", user="of b")
    stream.close()
    assert values("stream_closed", "request", "user") == [("a", None)]


def test_a_step_that_fails_gives_the_thread_its_own_back(way):
    def body():
        yield 1
        raise ValueError

    way.bind(request="a")
    stream = streaminstr.stream(body(), name="n")
    way.clear()
    with pytest.raises(ValueError, match=r"^$"):
        list(stream)
    log.info("afterwards")
    assert "request" not in line("afterwards")


async def test_an_async_body_has_them_in_each_part_of_a_step_and_other_tasks_never(way):
    turn = asyncio.Barrier(2)

    async def body():
        log.info("step")
        await turn.wait()
        await turn.wait()
        log.info("step")
        yield 1

    async def other():
        await turn.wait()
        log.info("other")
        await turn.wait()

    way.bind(request="a")
    stream = streaminstr.stream(body(), name="n")
    way.clear()
    await asyncio.gather(anext(stream), other())
    await stream.aclose()
    assert values("step", "request") == [("a",)] * 2
    assert values("other", "request") == [(None,)]


def test_the_ids_of_the_span_are_on_each_line(way, vendor):
    def body():
        log.info("step")
        yield 1

    backend, finished = vendor
    with _configure.forced(_configure.build(backend)):
        list(streaminstr.stream(body(), name="n"))
    (ids,) = finished()
    assert ids.items() <= line("step").items()


def test_the_immutable_logger_keeps_them_where_another_request_has_bound_its_own(way):
    def body():
        yield streaminstr.current_stream().logger

    def other_request():
        way.bind(request="b", user="of b")
        kept.info("elsewhere")

    way.bind(request="a")
    stream = streaminstr.stream(body(), name="n")
    way.clear()
    (kept,) = stream
    in_thread(other_request)
    assert values("elsewhere", "request", "user", "stream") == [("a", None, "n")]


def test_the_bind_of_the_immutable_logger_touches_nothing_else(way):
    def body():
        streaminstr.current_stream().logger.bind(row=1)
        log.info("step")
        yield 1

    list(streaminstr.stream(body(), name="n"))
    assert "row" not in line("step")


def test_no_warning_of_ours_says_that_the_mode_is_deprecated(way):
    stream = streaminstr.stream(iter("ab"), name="n")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        if way.mode == "wrap_dict":  # in the other the processor warns: the team's own
            list(stream)
        ours.slots_in_use()
    stream.close()
    assert seen == []


@pytest.mark.parametrize("mode", ["contextvars", "immutable"])
def test_where_the_mode_is_not_in_use_a_step_is_a_plain_run_of_the_context(mode):
    in_mode(mode)
    context = copy_context()
    assert ours.runner()(context) == context.run


def test_a_dict_that_is_bound_without_the_processor_counts_as_use():
    """It may be merged in by the chain for foreign records of standard logging."""
    in_mode("immutable")
    structlog.threadlocal.bind_threadlocal(request="a")
    assert ours.is_thread_local()


def test_greenlets_have_bindings_of_their_own():
    greenlet = pytest.importorskip("greenlet")
    in_mode("wrap_dict")

    def body():
        log.info("step")
        greenlet.getcurrent().parent.switch()
        log.info("step")
        yield 1

    def serve(request):
        log.bind(request=request)
        stream = streaminstr.stream(body(), name=request)
        log.new()
        list(stream)

    with _configure.forced(_configure.build("log")):
        served = [greenlet.greenlet(serve) for _ in "ab"]
        for one, request in zip(served, "ab", strict=True):
            one.switch(request)
        for one in served:
            one.switch()
    assert values("step", "request") == [("a",), ("b",), ("a",), ("b",)]


@pytest.mark.parametrize("url", ["/stuff/global/", "/undecorated/", "/async/"])
@pytest.mark.parametrize(
    ("mode", "middleware"),
    [("wrap_dict", log_site.TMP_BIND), ("bind_threadlocal", log_site.BIND_THREADLOCAL)],
)
async def test_under_asgi_the_bindings_of_sync_middleware_reach_the_body(mode, middleware, url):
    in_mode(mode)
    with log_site.site([middleware], BACKEND="log"):
        await log_site.by_asgi(url, **{"x-request-id": "r1"})
    assert values("Yielding...", "request_id") == [("r1",)] * 3
    assert values("stream_closed", "request_id") == [("r1",)]
    assert values("between", "request_id") == [(None,)] * 3


def test_a_step_in_another_thread_has_them_and_asgirefs_locals(way):
    tenant = Local()

    def body():
        yield log.info("step", tenant=getattr(tenant, "name", None))

    tenant.name = "mine"
    way.bind(request="a")
    stream = streaminstr.stream(body())
    way.clear()
    in_thread(lambda: list(stream))
    assert values("step", "request", "tenant") == [("a", "mine")]
