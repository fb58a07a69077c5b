"""The ASGI net and the life of the server's process."""

import signal
import threading

import pytest
from django.core.handlers.asgi import ASGIHandler

import streaminstr
from server_by_hand import ByHand, lifespan
from streaminstr import _exchange as exchange
from streaminstr._process import shutdown as process_shutdown
from streaminstr.asgi import StreamScopeMiddleware

UP, DOWN = "lifespan.startup", "lifespan.shutdown"
BOTH = ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.fixture(autouse=True)
def terminate(monkeypatch):
    """Calls what SIGTERM would call; whoever handled it before is put back."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(exchange, "shutting_down", False)
    yield lambda: signal.getsignal(signal.SIGTERM)(signal.SIGTERM, None)
    signal.signal(signal.SIGTERM, before)


async def speaks(scope, receive, send):
    for _ in range(2):
        message = await receive()
        await send({"type": f"{message['type']}.complete"})


async def test_an_application_that_speaks_lifespan_answers_by_itself():
    assert await lifespan(StreamScopeMiddleware(speaks), UP, DOWN) == BOTH


async def test_django_refuses_lifespan_and_has_one_all_the_same():
    assert await lifespan(StreamScopeMiddleware(ASGIHandler()), UP, DOWN) == BOTH


async def test_an_application_that_ignores_lifespan_has_one_all_the_same():
    async def ignores(scope, receive, send):
        pass

    assert await lifespan(StreamScopeMiddleware(ignores), UP, DOWN) == BOTH


async def test_an_application_that_fails_at_startup_fails():
    async def fails(scope, receive, send):
        await receive()
        raise KeyError

    with pytest.raises(KeyError):
        await lifespan(StreamScopeMiddleware(fails), UP)


async def test_the_end_of_the_lifespan_closes_what_is_open_and_flushes(recorded):
    cleaned = []

    async def body():
        try:
            yield b"chunk"
        finally:
            cleaned.append(streaminstr.current_stream().info.name)

    stream = streaminstr.stream(body(), name="open")
    await anext(stream)
    await lifespan(StreamScopeMiddleware(speaks), UP, DOWN)
    assert cleaned == ["open"]
    assert recorded.closed[0].report.cancelled_by == "server"
    assert len(recorded.flushes) == 1


def test_where_no_loop_of_asyncio_runs_the_end_of_the_lifespan_is_waited_for(recorded):
    call = lifespan(StreamScopeMiddleware(speaks), UP, DOWN)
    with pytest.raises(StopIteration) as ended:
        call.send(None)
    assert ended.value.value == BOTH
    assert len(recorded.flushes) == 1


async def test_from_the_start_of_the_lifespan_sigterm_is_known_and_passed_on(terminate):
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(exchange.shutting_down))
    await lifespan(StreamScopeMiddleware(speaks), UP, DOWN)
    assert not exchange.shutting_down
    terminate()
    assert told == [True]


async def test_where_the_server_has_no_lifespan_sigterm_is_known_from_the_first_request(
    recorded, terminate
):
    async def app(scope, receive, send):
        pass

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    await ByHand().call(StreamScopeMiddleware(app))
    terminate()
    assert exchange.shutting_down


def test_sigterm_is_watched_once(terminate):
    process_shutdown.watch()
    watching = signal.getsignal(signal.SIGTERM)
    process_shutdown.watch()
    assert signal.getsignal(signal.SIGTERM) is watching


def test_sigterm_is_left_alone_outside_of_the_main_thread():
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=process_shutdown.watch)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_ignored_sigterm_stays_ignored(terminate):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process_shutdown.watch()
    terminate()
    assert exchange.shutting_down


def test_a_sigterm_that_nobody_handled_still_ends_the_process(terminate, monkeypatch):
    raised = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    process_shutdown.watch()
    terminate()
    assert raised == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
