"""The immutable logger: `current_stream().logger`, and the handle that a body asks for."""

import asyncio
import threading
from functools import partial

import pytest
import structlog
from asgiref.local import Local
from structlog.contextvars import bound_contextvars

import streaminstr
from log_lines import FieldsBackend, in_mode, line, lines, values
from log_site import in_thread
from streaminstr import _configure
from streaminstr._handle import Handle
from streaminstr.types import StreamInfo

log = structlog.get_logger("site")
IDS = {"trace_id": "t1", "span_id": "s1"}


@pytest.fixture(autouse=True)
def _mode():
    in_mode("contextvars")
    with _configure.forced(_configure.build(FieldsBackend(IDS))):
        yield


def stream_of(body, request="a"):
    """A stream that was made in a request."""
    with bound_contextvars(request=request):
        return streaminstr.stream(body, name="orders.export")


def own_logger():
    """The logger of a stream that has ended, silently."""

    def body():
        yield streaminstr.current_stream().logger

    with _configure.forced(_configure.build(FieldsBackend(IDS), log_levels={"completed": None})):
        (logger,) = stream_of(body())
    return logger


def test_it_has_the_bindings_the_name_and_the_ids():
    own_logger().info("line")
    assert line("line") == {
        **IDS,
        "request": "a",
        "stream": "orders.export",
        "event": "line",
        "log_level": "info",
    }


def test_it_has_them_in_itself_where_no_processor_merges_anything():
    with structlog.testing.capture_logs() as captured:
        own_logger().info("line")
    assert captured[0].items() >= {**IDS, "request": "a", "stream": "orders.export"}.items()


def test_it_is_the_same_object_in_each_step():
    def body():
        yield streaminstr.current_stream().logger
        yield streaminstr.current_stream().logger

    first, second = stream_of(body())
    assert first is second


def test_elsewhere_nothing_of_another_request_is_on_its_lines():
    kept = own_logger()
    with bound_contextvars(request="b", user="of b"):
        kept.info("here")
        in_thread(kept.info, "there")
    assert values("here", "request", "user") == values("there", "request", "user") == [("a", None)]


def test_in_another_stream_it_keeps_its_own():
    kept = own_logger()

    def body():
        kept.info("line")
        yield 1

    list(stream_of(body(), request="b"))
    assert line("line")["request"] == "a"


def test_in_its_own_step_it_has_what_the_body_has_bound_since():
    def body():
        own = streaminstr.current_stream().logger
        with bound_contextvars(row=1):
            own.info("line")
        yield 1

    list(stream_of(body()))
    assert line("line")["row"] == 1


def test_bind_gives_another_one_and_changes_nothing_else():
    def body():
        own = streaminstr.current_stream().logger
        other = own.bind(row=1)
        other.info("other")
        own.info("own")
        log.info("global")
        yield 1

    list(stream_of(body()))
    assert values("other", "row", "request") == [(1, "a")]
    assert values("own", "row") + values("global", "row") == [(None,), (None,)]


def test_what_is_unbound_is_not_there_any_more():
    in_mode("immutable")
    own_logger().unbind("trace_id").try_unbind("stream").info("line")
    assert line("line").keys() == {"event", "log_level", "request", "span_id"}


def test_a_stream_that_asks_for_itself_is_passed_the_same_handle():
    @streaminstr.streamed("orders.export", pass_stream=True)
    def body(stream):
        yield stream is streaminstr.current_stream()

    assert list(body()) == [True]


@pytest.mark.parametrize("mode", ["contextvars", "immutable"])
def test_a_logger_taken_before_the_first_step_gets_the_ids_with_it(mode):
    @streaminstr.streamed("orders.export", pass_stream=True)
    def view(stream):
        logger = stream.logger.bind(span_id="mine")
        logger.info("before")
        return (logger.info("within") for _ in "a")

    in_mode(mode)
    with bound_contextvars(request="a"):
        made = view()
    list(made)
    assert values("before", "request", "span_id", "trace_id") == [("a", "mine", None)]
    assert values("within", "request", "span_id", "trace_id") == [("a", "mine", "t1")]


def test_what_is_set_on_the_handle_before_the_first_step_is_on_every_line():
    @streaminstr.streamed("orders.export", pass_stream=True)
    def view(stream):
        stream.set_attribute("tenant", "acme")

        def body():
            log.info("global")
            stream.logger.info("own")
            yield 1

        return body()

    list(view())
    assert values("global", "tenant") == values("own", "tenant") == [("acme",)]
    assert line("stream_closed")["tenant"] == "acme"


def test_outside_of_a_stream_the_logger_logs_plainly():
    with bound_contextvars(request_id="a"):
        streaminstr.current_stream().logger.bind(shop="north").info("plain", rows=3)
    assert line("plain") == {
        "event": "plain",
        "log_level": "info",
        "request_id": "a",
        "shop": "north",
        "rows": 3,
    }


def test_a_field_with_a_name_that_structlog_uses_gets_an_underscore():
    @streaminstr.streamed("orders.export", pass_stream=True)
    def view(stream):
        for name in ("event", "level"):
            stream.set_attribute(name, "mine")
        return (log.info("line") for _ in "a")

    in_mode("contextvars", structlog.processors.add_log_level)
    list(view())
    assert values("line", "event_", "level_", "level") == [("mine", "mine", "info")]


@pytest.mark.parametrize(
    "wrapper",
    [
        structlog.BoundLogger,
        structlog.stdlib.BoundLogger,
        structlog.make_filtering_bound_logger(20),
    ],
)
def test_each_class_of_loggers_can_be_used_from_two_threads_at_once(wrapper):
    def together(logger, method, event):
        barrier.wait(5)
        return event

    barrier = threading.Barrier(2)
    in_mode("contextvars", together)
    structlog.configure(wrapper_class=wrapper)
    own = own_logger()
    threads = [threading.Thread(target=own.info, args=("line",)) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values("line", "request") == [("a",), ("a",)]


@pytest.mark.skipif(not hasattr(log, "ainfo"), reason="structlog 22.2 brought them")
async def test_its_async_methods_are_the_same():
    await own_logger().ainfo("line")
    assert line("line").items() >= {**IDS, "request": "a"}.items()


def test_a_factory_of_loggers_is_asked_as_it_is():
    class Plain:
        def __init__(self, logger, processors, context):
            self.context = context

    structlog.configure(wrapper_class=partial(Plain))
    assert own_logger().context["request"] == "a"


async def test_a_logger_whose_methods_are_awaited_can_be_and_gives_the_closing_event():
    structlog.configure(wrapper_class=structlog.stdlib.AsyncBoundLogger)

    async def body():
        yield 1
        await streaminstr.current_stream().logger.info("line")

    async for _ in stream_of(body()):
        pass
    assert values("line", "request") == values("stream_closed", "request") == [("a",)]


def test_asked_for_elsewhere_for_the_first_time_it_has_its_own_bindings():
    def body():
        yield streaminstr.current_stream()

    in_mode("immutable")
    with _configure.forced(_configure.build(FieldsBackend(IDS), log_levels={"completed": None})):
        (handle,) = stream_of(body())
    with bound_contextvars(request="b", user="of b"):
        handle.logger.info("line")
    assert values("line", "request", "user") == [("a", None)]


def test_it_says_where_it_was_called_from():
    in_mode("contextvars", structlog.processors.CallsiteParameterAdder())
    own_logger().info("line")
    assert line("line")["func_name"] == "test_it_says_where_it_was_called_from"


def test_a_stream_whose_logger_is_kept_ends_when_it_is_dropped():
    def body():
        kept.append(streaminstr.current_stream().logger)
        yield from (1, 2)

    kept = []
    stream = stream_of(body())
    next(stream)
    with pytest.warns(ResourceWarning, match=r"orders\.export"):
        del stream
    assert line("stream_closed")["streaminstr.outcome"] == "abandoned"


async def test_async_bodies_have_it_too():
    async def body():
        await asyncio.sleep(0)
        streaminstr.current_stream().logger.info("line")
        yield 1

    async for _ in stream_of(body()):
        pass
    assert lines("line")[0]["request"] == "a"


def test_used_in_another_thread_its_line_is_made_where_asgirefs_locals_are_seen():
    """A processor may add what Django or its packages keep there, such as the tenant."""
    tenant = Local()

    def add_tenant(logger, method, event):
        return {**event, "tenant": getattr(tenant, "name", None)}

    in_mode("contextvars", add_tenant)
    tenant.name = "mine"
    logger = own_logger()
    in_thread(lambda: logger.info("line"))
    assert line("line")["tenant"] == "mine"


def test_a_look_at_the_fields_of_a_stream_makes_nothing():
    """It may come from another thread while the first step settles what log lines carry."""
    handle = Handle(StreamInfo(name="orders.export"))
    assert (handle.fields, handle.origin) == ({}, None)
