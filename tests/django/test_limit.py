"""LIMIT: what is over it is answered 503 and never begun, and no slot is ever lost."""

import asyncio
import gc
import logging
import math
import os
import threading
from contextlib import suppress

import pytest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory, override_settings
from django.utils.decorators import method_decorator
from django.views import View
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import streaminstr
from django_by_hand import Asgi, Wsgi
from django_settings import MIDDLEWARE, SILENT
from django_site import AsyncBody, Body
from streaminstr import StreaminstrError, _stopping
from streaminstr._process import limit
from streaminstr._process.limit import Slot, Slots
from streaminstr.django import _limit
from streaminstr.django.decorators import stream_scope
from streaminstr.django.middleware import StreamScopeMiddleware
from streaminstr.django.signals import bind_extra_stream_metadata

EVENTS = "text/event-stream; charset=utf-8"
HOW = {
    "a backend": {},
    "no backend": {"BACKEND": None},
    "a filter that says no": {"FILTER": lambda request, response: False},
}
EVERY = pytest.mark.parametrize("how", HOW)


@pytest.fixture(autouse=True)
def _no_slot_is_lost(monkeypatch):
    """Start with none, and end with none."""
    limit.refused.clear()
    limit._noted.clear()
    assert len(limit.of_process) == 0
    yield
    gc.collect()
    assert len(limit.of_process) == 0


@pytest.fixture
def limited(backend):
    """Set LIMIT, in each way in which a response may have no scope."""

    def say(number, how="a backend", **more):
        chosen = {"BACKEND": backend, "LOG_LEVELS": SILENT, "LIMIT": number, **HOW[how], **more}
        return override_settings(STREAMINSTR=chosen)

    return say


@pytest.fixture
def draining(monkeypatch):
    monkeypatch.setattr(_stopping, "draining", True)


def status(response):
    """The status of a response by Wsgi, which is closed."""
    response.read()
    return int(response.status[:3])


def rows():
    yield b"a"
    yield b"b"


@EVERY
def test_one_more_than_the_limit_is_answered_503(how, answer, limited):
    answer(lambda: StreamingHttpResponse(rows()))
    with limited(1, how):
        first, second = Wsgi(), Wsgi()
        assert (second.status, dict(second.headers)["Content-Type"]) == (
            "503 Service Unavailable",
            "text/plain; charset=utf-8",
        )
        assert 1 <= int(dict(second.headers)["Retry-After"]) <= 10
        second.close()
        assert first.read() == b"ab"
        assert status(Wsgi()) == 200


def test_clients_are_asked_to_come_back_at_different_times(answer, limited):
    answer(lambda: StreamingHttpResponse(rows()))
    with limited(1):
        first = Wsgi()
        refusals = [Wsgi() for _ in range(60)]
        assert len({dict(one.headers)["Retry-After"] for one in refusals}) > 1
        first.close()


@EVERY
async def test_under_asgi_too(how, answer, limited):
    answer(lambda: StreamingHttpResponse(AsyncBody(b"a", b"b")))
    with limited(1, how):
        begun, held = asyncio.Event(), asyncio.Event()

        async def hold():
            begun.set()
            await held.wait()

        first = Asgi()
        first.sending = lambda message: hold() if message.get("body") == b"a" else None
        task = asyncio.create_task(first.run())
        await begun.wait()
        second = await Asgi().run()
        assert second.sent[0]["status"] == 503
        held.set()
        await task
        assert first.body == b"ab"
        assert (await Asgi().run()).sent[0]["status"] == 200


@EVERY
async def test_a_client_that_leaves_under_asgi_releases_the_slot(how, answer, limited):
    async def endless():
        while True:
            yield b"a"
            await asyncio.sleep(0)

    answer(lambda: StreamingHttpResponse(endless()))
    with limited(1, how):
        request = Asgi()
        request.sending = lambda message: request.left.set() if message.get("body") else None
        await request.run()
        assert len(limit.of_process) == 0


def test_what_is_refused_is_closed_unread_and_the_request_is_not_over(answer, limited, finished):
    body, first = Body(b"a"), Body(b"a")
    answer(lambda: StreamingHttpResponse(first))
    with limited(1):
        held = Wsgi()
        answer(lambda: StreamingHttpResponse(body))
        refused = Wsgi()
        assert (body.seen, len(body.closed)) == ([], 1)
        assert finished == []
        refused.close()
        assert len(finished) == 1
        assert len(body.closed) == 1
        held.close()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("primed", [False, True])
async def test_an_async_body_that_is_refused_is_cleaned_up_if_it_was_begun(
    primed, answer, limited, backend
):
    cleaned = []

    async def body():
        try:
            yield b"a"
        finally:
            cleaned.append(asyncio.current_task() is not None)

    async def view(request):
        stream = streaminstr.stream(body(), name="s")
        return StreamingHttpResponse(await stream.aprime() if primed else stream)

    answer(view)
    with limited(1):
        slot = Slot()
        limit.of_process.take(slot, None)
        assert (await Asgi().run()).sent[0]["status"] == 503
        slot.release()
    await asyncio.sleep(0)
    assert cleaned == [True] * primed
    assert [one.outcome for one in backend.started] == ["cancelled"] * primed


@pytest.mark.filterwarnings("error")
async def test_a_plain_async_generator_that_was_never_started_owes_nothing(answer, limited):
    async def body():
        yield b"never"  # pragma: no cover - it is never started

    answer(lambda: StreamingHttpResponse(body()))
    slot = Slot()
    limit.of_process.take(slot, None)
    with limited(1):
        assert (await Asgi().run()).sent[0]["status"] == 503


def test_a_closer_that_fails_does_not_spoil_the_refusal(answer, limited):
    class Fails(Body):
        def close(self):
            super().close()
            raise KeyError

    body = Fails(b"a")
    answer(lambda: StreamingHttpResponse(body))
    slot = Slot()
    limit.of_process.take(slot, None)
    with limited(1):
        assert status(Wsgi()) == 503
    assert len(body.closed) == 1
    slot.release()  # the log record's traceback holds this frame


@pytest.mark.parametrize(
    ("make", "environ"),
    [
        (lambda: HttpResponse(b"whole"), {}),
        (lambda: FileResponse(Body(b"a")), {}),
        (lambda: StreamingHttpResponse(rows()), {"REQUEST_METHOD": "HEAD"}),
    ],
    ids=["complete", "file", "HEAD"],
)
@EVERY
def test_what_is_neither_limited_nor_counted(make, environ, how, answer, limited):
    answer(make)
    with limited(1, how):
        one = Wsgi(**environ)
        assert len(limit.of_process) == 0
        slot = Slot()
        limit.of_process.take(slot, None)
        assert status(Wsgi(**environ)) == 200
        one.close()


def test_what_an_outer_middleware_makes_is_not_limited(answer, limited, outer):
    answer(lambda: HttpResponse(b"whole"))
    with limited(1), outer(lambda response: StreamingHttpResponse(rows())):
        response = Wsgi()
        assert len(limit.of_process) == 0
        assert status(response) == 200


@EVERY
def test_a_slot_is_released_by_the_end_before_the_close(how, answer, limited):
    answer(lambda: StreamingHttpResponse(rows()))
    with limited(1, how):
        response = Wsgi()
        assert len(limit.of_process) == 1
        assert b"".join(response.body) == b"ab"
        assert len(limit.of_process) == 0
        response.close()


@EVERY
def test_a_slot_is_released_by_a_body_that_fails(how, answer, limited):
    answer(lambda: StreamingHttpResponse(Body(error=KeyError())))
    with limited(1, how):
        response = Wsgi()
        with pytest.raises(KeyError):
            next(iter(response.body))
        assert len(limit.of_process) == 0
        response.close()


@EVERY
@pytest.mark.parametrize("steps", [0, 1])
def test_a_slot_is_released_by_the_close(how, steps, answer, limited):
    answer(lambda: StreamingHttpResponse(rows()))
    with limited(1, how):
        response = Wsgi()
        iterator = iter(response.body)
        for _ in range(steps):
            next(iterator)
        response.close()
        assert len(limit.of_process) == 0


@EVERY
@pytest.mark.parametrize("kind", [Body, AsyncBody])
def test_a_slot_is_released_by_the_drop(how, kind, limited):
    """The response was never read and never closed."""
    request = RequestFactory().get("/")
    with limited(1, how):
        get = StreamScopeMiddleware(lambda request: StreamingHttpResponse(kind(b"a")))
        response = get(request)
        assert len(limit.of_process) == 1
        assert get(request).status_code == 503
        del response
        gc.collect()
        assert len(limit.of_process) == 0


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@EVERY
def test_a_slot_is_released_by_a_drop_midway(how, limited):
    with limited(1, how):
        get = StreamScopeMiddleware(lambda request: StreamingHttpResponse(rows()))
        response = get(RequestFactory().get("/"))
        iterator = iter(response)
        next(iterator)
        del response, iterator
        gc.collect()
        assert len(limit.of_process) == 0


def test_so_it_is_where_somebody_keeps_the_handle(limited):
    handles = []

    def keep(stream, **_):
        handles.append(stream)

    bind_extra_stream_metadata.connect(keep)
    with limited(1):
        get = StreamScopeMiddleware(lambda request: StreamingHttpResponse(rows()))
        response = get(RequestFactory().get("/"))
        del response
        gc.collect()
        assert (len(handles), len(limit.of_process)) == (1, 0)
    bind_extra_stream_metadata.disconnect(keep)


@EVERY
def test_a_slot_goes_with_the_body_to_another_response(how, limited):
    with limited(1, how):
        get = StreamScopeMiddleware(lambda request: StreamingHttpResponse(rows()))
        response = StreamingHttpResponse(get(RequestFactory().get("/")).streaming_content)
        gc.collect()
        assert len(limit.of_process) == 1
        assert b"".join(response) == b"ab"
        assert len(limit.of_process) == 0


def test_a_stream_that_is_closed_from_outside_releases_its_slot(answer, limited):
    answer(lambda: StreamingHttpResponse(rows()))
    with limited(1):
        response = Wsgi()
        iterator = iter(response.body)
        next(iterator)
        streaminstr.shutdown(0.1)
        assert len(limit.of_process) == 0
        response.close()


@pytest.mark.parametrize("chunks", [[], [b"a"]])
def test_a_stream_that_its_view_has_primed_is_counted_until_it_ends(chunks, answer, limited):
    answer(lambda: StreamingHttpResponse(streaminstr.stream(iter(chunks), name="s").prime()))
    with limited(1):
        response = Wsgi()
        assert len(limit.of_process) == len(chunks)
        assert status(response) == 200
        assert len(limit.of_process) == 0


def test_the_setting_is_read_when_it_is_used(answer, limited):
    answer(lambda: StreamingHttpResponse(rows()))
    with limited(1):
        first = Wsgi()
    with limited(2):
        second = Wsgi()
        assert second.status == "200 OK"
    with limited(None):
        assert status(Wsgi()) == 200
    first.close()
    second.close()


def test_without_backend_and_limit_nothing_is_in_the_way_of_a_body(answer, limited):
    body = Body(b"a")
    response = StreamingHttpResponse(body)
    answer(lambda: response)
    with limited(2, "no backend"):
        get = StreamScopeMiddleware(lambda request: response)
    with limited(None, "no backend"):
        get(RequestFactory().get("/"))
        assert response._iterator is body
    response.close()


# Views with a decorator


class Views:
    def __init__(self, **options):
        self.ran = []
        scope = stream_scope(**options)

        @scope
        def view(request):
            self.ran.append(request)
            return StreamingHttpResponse(rows())

        @scope
        async def async_view(request):
            self.ran.append(request)
            return StreamingHttpResponse(AsyncBody(b"a"))

        class Base(View):
            def get(inner, request):  # noqa: N805 - `self` is the views'
                self.ran.append(request)
                return StreamingHttpResponse(rows())

        class AsyncBase(View):
            async def get(inner, request):  # noqa: N805 - see above
                self.ran.append(request)
                return StreamingHttpResponse(AsyncBody(b"a"))

        decorate = method_decorator(scope, name="dispatch")
        self.by_kind = {
            "function": view,
            "async function": async_view,
            "class": decorate(Base).as_view(),
            "async class": decorate(AsyncBase).as_view(),
        }

    async def visit(self, kind, method="GET"):
        response = self.by_kind[kind](RequestFactory().generic(method, "/"))
        return await response if kind.startswith("async") else response


KINDS = pytest.mark.parametrize("kind", ["function", "async function", "class", "async class"])


@KINDS
@pytest.mark.parametrize("where", ["the view", "the process"])
async def test_a_decorated_view_is_refused_before_it_runs(kind, where, limited):
    with limited(1 if where == "the process" else None):
        views = Views(limit=1 if where == "the view" else None)
        first = await views.visit(kind)
        assert (await views.visit(kind)).status_code == 503
        assert len(views.ran) == 1
        first.close()
        last = await views.visit(kind)
        assert (last.status_code, len(views.ran)) == (200, 2)
        last.close()


async def test_the_limit_of_a_view_leaves_other_views_alone(limited):
    with limited(2):
        views, others = Views(limit=1), Views()
        first = await views.visit("function")
        assert (await views.visit("class")).status_code == 503
        second = await others.visit("function")
        assert second.status_code == 200
        assert len(limit.of_process) == 2
        first.close()
        assert (await views.visit("function")).status_code == 200
        second.close()


async def test_a_view_that_the_process_refuses_holds_no_slot_of_its_own(limited):
    with limited(1):
        views, others = Views(limit=1), Views()
        first = await others.visit("function")
        assert (await views.visit("function")).status_code == 503
        first.close()
        last = await views.visit("function")
        assert last.status_code == 200
        last.close()


@KINDS
async def test_a_decorated_view_without_a_scope_is_limited(kind, limited):
    with limited(None):
        views = Views(limit=1, enabled=False)
        first = await views.visit(kind)
        assert (await views.visit(kind)).status_code == 503
        first.close()


async def test_head_is_not_limited_by_a_decorator(limited):
    with limited(1):
        views = Views(limit=1)
        first = await views.visit("function")
        head = await views.visit("function", "HEAD")
        assert head.status_code == 200
        first.close()
        head.close()


@pytest.mark.parametrize("made", [HttpResponse(b"whole"), FileResponse(Body(b"a")), None])
def test_a_decorated_view_that_streams_nothing_holds_no_slot(made, limited):
    with limited(1):
        view = stream_scope(limit=1)(lambda request: made)
        for _ in range(2):
            assert view(RequestFactory().get("/")) is made
        assert len(limit.of_process) == 0


def test_a_decorated_view_that_raises_holds_no_slot(limited):
    @stream_scope(limit=1)
    def view(request):
        raise KeyError

    @stream_scope(limit=1)
    def later(request):
        async def fails():
            raise KeyError

        return fails()

    with limited(1):
        for _ in range(2):
            with pytest.raises(KeyError):
                view(RequestFactory().get("/"))
            with pytest.raises(KeyError):
                asyncio.run(later(RequestFactory().get("/")))
            assert len(limit.of_process) == 0


async def test_a_view_that_is_cancelled_holds_no_slot(limited):
    @stream_scope(limit=1)
    async def view(request):
        await asyncio.Event().wait()

    with limited(1):
        task = asyncio.ensure_future(view(RequestFactory().get("/")))
        await asyncio.sleep(0)
        assert len(limit.of_process) == 1
        task.cancel()
        await asyncio.wait([task])
        assert len(limit.of_process) == 0


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_a_view_that_is_never_awaited_holds_no_slot(limited):
    async def later():
        return None  # pragma: no cover - it is never awaited

    with limited(1):
        waiting = stream_scope(limit=1)(lambda request: later())(RequestFactory().get("/"))
        assert len(limit.of_process) == 1
        del waiting
        gc.collect()
        assert len(limit.of_process) == 0


def test_two_decorators_count_one_stream_once_in_the_process(limited):
    with limited(3):
        view = stream_scope(limit=2)(stream_scope("inner", limit=1)(lambda _: streaming()))
        first = view(RequestFactory().get("/"))
        assert view(RequestFactory().get("/")).status_code == 503
        first.close()
        assert len(limit.of_process) == 0


def streaming():
    return StreamingHttpResponse(rows())


def test_the_middleware_counts_a_decorated_response_no_second_time(answer, limited):
    answer(stream_scope(limit=5)(lambda request: streaming()))
    with limited(5):
        response = Wsgi()
        assert len(limit.of_process) == 1
        response.close()


def test_a_view_without_a_request_is_left_alone(limited):
    with limited(1):
        responses = [stream_scope(limit=1)(streaming)() for _ in range(2)]
    assert [b"".join(one) for one in responses] == [b"ab"] * 2


@pytest.mark.parametrize("number", [0, -1, 1.5, True, "5"])
def test_a_limit_that_is_no_positive_whole_number_is_refused(number, limited):
    with pytest.raises(StreaminstrError, match="whole number above 0"):
        stream_scope(limit=number)
    with limited(number), pytest.raises(StreaminstrError, match=r'STREAMINSTR\["LIMIT"\]'):
        StreamScopeMiddleware(None)


# While the process drains


@pytest.mark.usefixtures("draining")
@pytest.mark.parametrize("more", [{"LIMIT": 5}, {"LIMIT": None, "DRAIN": {"GRACE": 5}}])
@EVERY
def test_while_draining_only_event_streams_are_refused(how, more, answer, limited):
    with limited(None, how, **more):
        answer(lambda: StreamingHttpResponse(rows(), content_type=EVENTS))
        assert status(Wsgi()) == 503
        answer(streaming)
        assert status(Wsgi()) == 200


@pytest.mark.usefixtures("draining")
async def test_while_draining_under_asgi_and_in_decorated_views(answer, limited):
    async def view(request):
        return StreamingHttpResponse(AsyncBody(b"a"), content_type=EVENTS)

    with limited(5):
        answer(view)
        assert (await Asgi().run()).sent[0]["status"] == 503
        answer(stream_scope()(view))
        assert (await Asgi().run()).sent[0]["status"] == 503
        answer(stream_scope()(lambda r: StreamingHttpResponse(rows(), content_type=EVENTS)))
        assert status(Wsgi()) == 503


@pytest.mark.usefixtures("draining")
def test_while_draining_a_download_over_the_limit_goes_on(answer, limited):
    answer(streaming)
    with limited(1):
        responses = [Wsgi() for _ in range(2)]
        assert [one.status for one in responses] == ["200 OK"] * 2
        assert len(limit.of_process) == 2
        for one in responses:
            one.close()


@pytest.mark.usefixtures("draining")
def test_while_draining_nothing_is_refused_where_neither_was_asked_for(answer, limited):
    answer(lambda: StreamingHttpResponse(rows(), content_type=EVENTS))
    with limited(None):
        assert status(Wsgi()) == 200


@pytest.mark.usefixtures("draining")
def test_while_the_server_still_accepts_an_event_stream_is_served(answer, limited, monkeypatch):
    monkeypatch.setattr(_stopping, "refuses_from", math.inf)
    answer(lambda: StreamingHttpResponse(rows(), content_type=EVENTS))
    with limited(5):
        assert status(Wsgi()) == 200


@pytest.mark.usefixtures("draining")
def test_the_request_that_began_the_drain_is_served(answer, limited):
    answer(lambda: StreamingHttpResponse(rows(), content_type=EVENTS))
    token = limit.let_in.set(True)
    with limited(5):
        assert status(Wsgi()) == 200
    limit.let_in.reset(token)


# How it is counted


def test_refusals_are_logged_once_a_second_for_each_route(answer, limited, caplog, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(limit, "monotonic", lambda: now[0])
    answer(streaming)
    with limited(1), caplog.at_level(logging.WARNING):
        first = Wsgi()
        for _ in range(3):
            Wsgi("/sync/").close()
            Wsgi("/orders/7/").close()
        now[0] += 1
        Wsgi("/sync/").close()
        first.close()
    assert [(one.name, one.levelname, one.getMessage()) for one in caplog.records] == [
        ("streaminstr", "WARNING", f"Refused a stream of GET {route} with 503: {why} {number}.")
        for why in ("1 streams are open in this process. Refused so far:",)
        for route, number in [("sync/", 1), ("orders/<int:pk>/", 1), ("sync/", 4)]
    ]


def test_a_backend_that_counts_refusals_is_asked_to(answer, limited, backend, monkeypatch):
    infos = []
    monkeypatch.setattr(backend, "refused", infos.append, raising=False)
    answer(streaming)
    with limited(1):
        first = Wsgi()
        Wsgi("/orders/7/").close()
        first.close()
    assert [(info.name, info.attributes["http.response.status_code"]) for info in infos] == [
        ("GET orders/<int:pk>/", 503)
    ]


def test_a_setting_that_goes_wrong_later_limits_nothing(answer):
    answer(streaming)
    with override_settings(STREAMINSTR={"LIMIT": 1}):
        get = StreamScopeMiddleware(lambda request: streaming())
    with override_settings(STREAMINSTR={"LIMIT": 0}):
        assert get(RequestFactory().get("/")).status_code == 200


def test_without_the_setting_a_decorated_view_is_limited():
    with override_settings():
        del _limit.conf.settings.STREAMINSTR
        view = stream_scope(limit=1)(lambda request: StreamingHttpResponse(Body(b"a")))
        first = view(RequestFactory().get("/"))
        assert view(RequestFactory().get("/")).status_code == 503
        first.close()


# Slots themselves


ACTIONS = st.lists(st.tuples(st.sampled_from(["take", "release", "drop"]), st.integers(0, 5)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTIONS, st.integers(1, 4))
def test_in_any_order_as_many_are_counted_as_are_held(actions, most):
    slots, held, released = Slots(), {}, []
    for action, key in actions:
        if action == "take" and key not in held:
            slot = Slot()
            was_taken = slots.take(slot, most)
            assert was_taken is (len(held) < most)
            if was_taken:
                held[key] = slot
            del slot
        elif action == "release" and key in held:
            held[key].release()
            released.append(held.pop(key))  # and again, as it is dropped at the end
        elif action == "drop":
            held.pop(key, None)
        assert len(slots) == len(held)


def test_of_threads_that_ask_at_once_only_as_many_get_a_slot_as_there_are():
    class Tokens(set):
        def __len__(self):
            number = super().__len__()
            with suppress(threading.BrokenBarrierError):  # the others are not let in meanwhile
                barrier.wait(0.05)
            return number

    slots, most, taken = Slots(), 2, []
    barrier = threading.Barrier(4)
    slots._tokens = Tokens()
    held = [Slot() for _ in range(4)]
    threads = [
        threading.Thread(target=lambda slot=slot: taken.append(slots.take(slot, most)))
        for slot in held
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == most


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # other tests have left threads
def test_a_forked_child_starts_with_none(limited, answer):
    answer(streaming)
    with limited(1):
        response = Wsgi()
        child = os.fork()
        if child == 0:  # pragma: no cover - its coverage dies with it
            is_empty = len(limit.of_process) == 0
            try:
                response.close()
                again = Wsgi().status
                os._exit(0 if is_empty and again == "200 OK" else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert len(limit.of_process) == 1
        response.close()


def test_a_forked_child_forgets_the_slots_of_views_and_what_was_refused(limited):
    """What the module does in a child, called here: a child's coverage dies with it."""
    slot, own = Slot(), Slots()
    own.take(slot, 1)
    limit.of_process.take(slot, 1)
    limit.note_refusal("GET /", "x")
    limit._forget()
    assert (len(own), len(limit.of_process), limit.refused) == (0, 0, {})
    other = Slot()
    assert own.take(other, 1)
    slot.release()
    assert len(own) == 1


def test_the_middleware_stays_where_only_a_limit_is_set(limited):
    with limited(1, "no backend"):
        assert StreamScopeMiddleware(lambda request: None)
    with limited(None, "no backend", DRAIN={"GRACE": 1}):
        assert StreamScopeMiddleware(lambda request: None)
    assert MIDDLEWARE.endswith("StreamScopeMiddleware")


async def test_a_refusal_may_be_awaited_and_mails_no_admin(limited, caplog):
    refusal = _limit.Unavailable("x")
    assert await refusal is refusal
    assert refusal._has_been_logged
