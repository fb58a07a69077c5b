"""What belongs to the request travels with its stream; what belongs to a place stays there."""

import asyncio
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from itertools import product
from wsgiref.util import FileWrapper

import pytest
from django.core.cache import caches
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import FileResponse
from django.test import override_settings

import place_site
import streaminstr.asgi
import streaminstr.wsgi
from core_fakes import until
from django_by_hand import Asgi, Wsgi
from django_settings import MIDDLEWARE
from place_site import SEEN, Plan, Work, async_body, body, see

pytestmark = [
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
    pytest.mark.filterwarnings("ignore:Unclosed file .*Spooled:ResourceWarning"),
]
SYNC_ONLY = "django_site.sync_only"
WAYS = ("middleware", "decorator", "stream")
LOST_NOTHING = [
    ("step", SEEN, (*SEEN, True)),
    ("step", SEEN, (*SEEN, True)),
    ("clean-up", SEEN, (*SEEN, True)),
]


@pytest.fixture(autouse=True)
def plan(monkeypatch):
    """Say what the views do; the log of the body, empty."""
    monkeypatch.setattr(Plan, "log", log := [])

    def say(**what):
        for name, value in what.items():
            monkeypatch.setattr(Plan, name, staticmethod(value))
        return log

    return say


def listed(way, *outside):
    """Settings with the middleware of the site, ours innermost where that is the way."""
    ours = [MIDDLEWARE] if way in ("middleware", "nets") else []
    chain = [*outside, "place_site.Bind", *ours]
    return override_settings(MIDDLEWARE=chain, ROOT_URLCONF="place_site")


def wsgi(path="/sync/", *, app=None, **environ):
    return Wsgi(path, app=app, SCRIPT_NAME="/app", **environ)


def asgi(path="/async/", tenant=None, *, app=None):
    request = Asgi(f"/app{path}", app=app)
    request.scope["root_path"] = "/app"
    if tenant:
        request.scope["headers"].append((b"x-tenant", tenant.encode()))
    return request


def serve(server, path, *, in_net=False):
    """The bytes that a client gets of a request in a Context of its own."""
    if server == "wsgi":
        app = streaminstr.wsgi.StreamScopeMiddleware(WSGIHandler()) if in_net else None
        return Context().run(lambda: wsgi(path, app=app).read())
    app = streaminstr.asgi.StreamScopeMiddleware(ASGIHandler()) if in_net else None
    return Context().run(asyncio.run, asgi(path, app=app).run()).body


@pytest.mark.parametrize(
    ("outside", "way", "server", "view", "make"),
    list(
        product(
            [(), (SYNC_ONLY,)],
            [*WAYS, "nets"],
            ["wsgi", "asgi"],
            ["sync", "async"],
            [body, async_body],
        )
    ),
)
def test_a_body_does_what_it_does_without_us(outside, way, server, view, make, plan, backend):
    log = plan(body=make)
    with listed(None, *outside):
        plain = serve(server, f"/{view}/"), log[:]
    log.clear()
    plan(wrap=place_site.stream if way == "stream" else lambda made: made)
    with listed(way, *outside):
        path = f"/decorated/{view}/" if way == "decorator" else f"/{view}/"
        ours = serve(server, path, in_net=way == "nets"), log[:]
    assert ours == plain == (b"01", LOST_NOTHING)
    assert [one.outcome for one in backend.closed] == ["completed"]


@pytest.fixture
def elsewhere():
    """A thread that is not the one of the steps."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda function, *args: pool.submit(function, *args).result(10)


@pytest.mark.parametrize("way", WAYS)
def test_a_step_and_a_clean_up_in_another_thread_lose_nothing(way, plan, elsewhere):
    log = plan(wrap=place_site.stream if way == "stream" else lambda made: made)
    with listed(way):
        path = "/decorated/sync/" if way == "decorator" else "/sync/"
        request = Context().run(wsgi, path)
        # Work asks for the thread of the view, which is not waiting here.
        assert elsewhere(next, iter(request.body)) == b"0"
        elsewhere(request.close)
    assert log == [(when, SEEN, (*SEEN, False)) for when in ("step", "clean-up")]


def cut_in_a_step(request):
    async def waiting(work, log):
        try:
            log.append(("step", see(), await work.later()))
            request().left.set()
            yield b"0"
            await asyncio.Event().wait()
        finally:
            log.append(("clean-up", see(), await work.later()))

    return waiting


@pytest.mark.parametrize("outside", [(), (SYNC_ONLY,)])
@pytest.mark.parametrize("way", [None, "middleware"])
def test_the_clean_up_of_a_step_that_a_disconnect_cuts_loses_nothing(outside, way, plan):
    requests = []
    log = plan(body=cut_in_a_step(lambda: requests[0]))
    with listed(way, *outside):
        requests.append(asgi())
        Context().run(asyncio.run, requests[0].run())
    assert log == [LOST_NOTHING[0], LOST_NOTHING[2]]


class Iterating:
    """An async body that is no generator: what closes it is its own `aclose`."""

    def __init__(self, work, log):
        self.made = async_body(work, log)

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await anext(self.made)

    async def aclose(self):
        await self.made.aclose()


async def leave_while_sending(request, log):
    """Leave while a chunk is sent: the body is between two steps, and a task is to close it."""

    async def sending(message):
        if message.get("body"):
            request.left.set()
            await asyncio.Event().wait()

    request.sending = sending
    await request.run()
    await until(lambda: len(log) == 2)


@pytest.mark.parametrize("outside", [(), (SYNC_ONLY,)])
@pytest.mark.parametrize("make", [async_body, Iterating])
def test_the_clean_up_that_a_disconnect_leaves_to_a_task_loses_nothing(outside, make, plan):
    log = plan(body=make)
    with listed("middleware", *outside):
        Context().run(asyncio.run, leave_while_sending(asgi(), log))
    # The thread for the sync code of the request has gone with the request.
    assert [(when, seen, found[:-1]) for when, seen, found in log] == [
        ("step", SEEN, SEEN),
        ("clean-up", SEEN, SEEN),
    ]


async def drop(log):
    """Take one chunk of a stream that then nobody holds."""
    place_site.translation.activate("de")
    place_site.timezone.activate("Asia/Tokyo")
    place_site.tenant.name = "mine"
    chunks = place_site.stream(Plan.body(Work(), log))
    assert await anext(chunks) == b"0"
    held = [chunks]
    del chunks
    await asyncio.to_thread(held.clear)  # in another thread, as a collector may
    await until(lambda: len(log) == 2)


@pytest.mark.filterwarnings("ignore:stream .* was dropped:ResourceWarning")
@pytest.mark.parametrize("make", [async_body, Iterating])
def test_the_clean_up_of_a_dropped_stream_loses_nothing(make, plan):
    log = plan(body=make)
    with override_settings(ROOT_URLCONF="place_site"):
        Context().run(asyncio.run, drop(log))
    seen = ("de", "Asia/Tokyo", "/", "mine")
    assert log == [(when, seen, (*seen, False)) for when in ("step", "clean-up")]


def meeting(meet, steps):
    """A body that waits in each step until the other request is in a step, too."""

    def together(work, log):
        for _ in range(steps):
            meet.wait(10)
            yield see()[-1].encode()

    return together


def test_the_sync_bodies_of_two_tenants_never_mix_under_asgi(plan):
    plan(body=meeting(threading.Barrier(2), 2))

    async def both():
        one, other = asgi("/async/", "one"), asgi("/async/", "other")
        await asyncio.gather(one.run(), other.run())
        return one.body, other.body

    with listed("middleware"):
        assert Context().run(asyncio.run, both()) == (b"oneone", b"otherother")


def test_the_async_bodies_of_two_tenants_never_mix_under_asgi(plan):
    async def both():
        meet = asyncio.Barrier(2)

        async def together(work, log):
            async for _ in async_body(work, log):
                await meet.wait()
                yield see()[-1].encode()

        plan(body=together)
        one, other = asgi("/async/", "one"), asgi("/async/", "other")
        await asyncio.gather(one.run(), other.run())
        return one.body, other.body

    with listed("middleware", SYNC_ONLY):
        assert Context().run(asyncio.run, both()) == (b"oneone", b"otherother")


def test_two_threads_that_take_turns_with_the_streams_of_two_tenants_never_mix(plan):
    """Each stream is stepped by each thread; both threads are in a step at the same time."""
    plan(body=meeting(threading.Barrier(2), 4))
    turn = threading.Barrier(2)

    def step(mine, bodies):
        for number in range(4):
            turn.wait(10)
            yield next(bodies[(mine + number) % 2])

    with listed("middleware"), ThreadPoolExecutor(2) as pool:
        requests = [Context().run(wsgi, HTTP_X_TENANT=name) for name in ("one", "two")]
        bodies = [iter(request.body) for request in requests]
        first, second = pool.map(lambda mine: list(step(mine, bodies)), [0, 1])
        for request in requests:
            request.close()
    assert (first, second) == ([b"one", b"two"] * 2, [b"two", b"one"] * 2)


def cached(notes):
    def body(work, log):
        notes.append(caches["default"])
        yield b"0"

    return body


@pytest.mark.parametrize("way", [None, *WAYS[:2]])
def test_connections_to_caches_that_a_body_has_made_stay_with_the_thread(way, plan):
    plan(body=cached(notes := []))
    server = Context()
    with listed(way):
        path = "/decorated/sync/" if way == "decorator" else "/sync/"
        for _ in range(3):
            assert server.run(lambda: wsgi(path).read()) == b"0"
    assert len({id(connection) for connection in notes}) == 1


def test_one_that_the_thread_has_made_meanwhile_is_kept(plan):
    plan(body=cached([]))
    server = Context()
    with listed("middleware"):
        request = server.run(wsgi)
        assert server.run(next, iter(request.body)) == b"0"
        newer = server.run(lambda: caches["default"])
        server.run(request.close)
        assert server.run(lambda: caches["default"]) is newer


def test_a_body_may_close_its_own_response_after_it_has_made_one(plan, errors):
    def closing(work, log):
        caches["default"]
        log[0].close()
        yield b"0"

    log = plan(body=closing)
    with listed("middleware"):
        log.append(Context().run(wsgi))
        assert log[0].read() == b"0"
    assert errors == {}


def test_so_do_those_of_a_file_that_the_server_did_not_send_by_itself(answer, outer):
    class File(io.BytesIO):
        def read(self, *size):
            notes.append(caches["default"])
            return super().read(*size)

    def iterate(response):
        response.streaming_content = iter(response.streaming_content)
        return response

    notes, server = [], Context()
    answer(lambda: FileResponse(File(b"file")))
    with outer(iterate):
        for _ in range(2):
            request = server.run(lambda: Wsgi(**{"wsgi.file_wrapper": FileWrapper}))
            assert server.run(request.read) == b"file"
    assert len({id(connection) for connection in notes}) == 1
