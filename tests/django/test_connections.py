"""The database connections that a request holds while its body is stepped: counted, released."""

import asyncio
import threading
from contextlib import nullcontext
from contextvars import Context

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import StreamingHttpResponse
from django.test import AsyncClient, override_settings

import streaminstr
from core_fakes import until
from django_by_hand import Asgi, Wsgi
from django_settings import MIDDLEWARE, SILENT
from streaminstr import StreaminstrError
from streaminstr.django import conf
from streaminstr.django.decorators import stream_scope

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
SERVERS = ("wsgi", "asgi")
RELEASE = {"RELEASE_CONNECTIONS": True}


@pytest.fixture(autouse=True)
def _databases(request, backend, tmp_path, monkeypatch):
    """Two SQLite files, and a database that cannot be used. Closes this thread's connections."""
    engine = "django.db.backends.sqlite3"
    named = {name: {"ENGINE": engine, "NAME": tmp_path / name} for name in ("default", "other")}
    named["never used"] = {"ENGINE": "no.such.engine"}
    monkeypatch.setattr(settings, "DATABASES", named)
    monkeypatch.setattr(connections, "settings", connections.configure_settings(named))
    is_blocked = request.config.pluginmanager.hasplugin("django")  # pytest-django
    with request.getfixturevalue("django_db_blocker").unblock() if is_blocked else nullcontext():
        forget()  # what another test may have left in this thread
        yield
        forget()


def forget():
    """Close and drop this thread's connections."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        del connections[connection.alias]


def query(alias="default"):
    """Use this thread's connection; returns what is open under it."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT 1")
    return connections[alias].connection


def seen():
    """What is open in this thread."""
    return [one.connection for one in connections.all(initialized_only=True) if one.connection]


def sync_body(log):
    for number in range(2):
        log.append(seen())
        yield b"%d" % number


async def async_body(log):
    for number in range(2):
        log.append(await sync_to_async(seen)())
        yield b"%d" % number


BODIES = pytest.mark.parametrize("body", [sync_body, async_body])


@pytest.fixture
def serve(answer, backend):
    """The bytes of a response whose view calls `before`, and the report of its stream."""

    def visit(server, view, make, *, before=query, middleware=(MIDDLEWARE,), **options):
        def sync_make(request):
            before()
            return make()

        async def async_make(request):
            await sync_to_async(before)()
            return make()

        answer(sync_make if view == "sync" else lambda request: async_make(request))
        setting = {"BACKEND": backend, "LOG_LEVELS": SILENT, **options}
        with override_settings(STREAMINSTR=setting, MIDDLEWARE=list(middleware)):
            return Context().run(_read, server, f"/{view}/")

    return visit


def _read(server, path):
    if server == "wsgi":
        return Wsgi(path).read()
    return asyncio.run(Asgi(path).run()).body


def report(backend):
    (closed,) = backend.closed
    return closed.report


PLACES = pytest.mark.parametrize(
    ("server", "view"), [("wsgi", "sync"), ("asgi", "sync"), ("asgi", "async")]
)
OUTSIDE = pytest.mark.parametrize("outside", [(), ("django_site.sync_only",)])


@PLACES
@OUTSIDE
@BODIES
def test_a_connection_that_the_view_has_opened_is_counted(
    server, view, outside, body, serve, backend
):
    log = []
    middleware = (*outside, MIDDLEWARE)
    assert serve(server, view, lambda: streaming(body(log)), middleware=middleware) == b"01"
    assert report(backend).db_connections == 1
    assert report(backend).as_attributes()["streaminstr.db_connections"] == 1


def streaming(body):
    return StreamingHttpResponse(body)


@PLACES
@BODIES
def test_without_the_setting_a_body_keeps_what_it_has_without_us(server, view, body, serve):
    logs = []
    for middleware in ((), (MIDDLEWARE,)):
        log, opened = [], []
        serve(
            server,
            view,
            lambda log=log: streaming(body(log)),
            before=lambda opened=opened: opened.append(query()),
            middleware=middleware,
        )
        logs.append([step == opened for step in log])
    assert logs == [[True, True]] * 2


@PLACES
@BODIES
@pytest.mark.parametrize("before", [list, lambda: [query(), query("other")]])
def test_each_is_counted_and_none_is_opened(before, server, view, body, serve, backend):
    serve(server, view, lambda: streaming(body([])), before=before)
    assert report(backend).db_connections == (0 if before is list else 2)


@PLACES
@OUTSIDE
@BODIES
def test_what_is_in_no_transaction_is_released(server, view, outside, body, serve, backend):
    log = []
    middleware = (*outside, MIDDLEWARE)
    made = serve(server, view, lambda: streaming(body(log)), middleware=middleware, **RELEASE)
    assert (made, log) == (b"01", [[], []])
    assert report(backend).db_connections == 0


def opening(log):
    """A body that opens a connection by itself, and expects it in its next step."""
    opened = query()
    yield b"0"
    log.append(seen() == [opened])
    yield b"1"


async def opening_async(log):
    opened = await sync_to_async(query)()
    yield b"0"
    log.append(await sync_to_async(seen)() == [opened])
    yield b"1"


@PLACES
@pytest.mark.parametrize("body", [opening, opening_async])
def test_what_the_body_opens_by_itself_is_left_alone(server, view, body, serve, backend):
    log = []
    assert serve(server, view, lambda: streaming(body(log)), **RELEASE) == b"01"
    assert log == [True]
    assert report(backend).db_connections == 0


class OpensWhenIterated:
    """A body whose `__iter__` opens a connection, as a lazy cursor does."""

    def __init__(self, log):
        self.log = log

    def __iter__(self):
        return self.rows(query())

    def rows(self, opened):
        self.log.append(seen() == [opened])
        yield from (b"0", b"1")


@pytest.mark.parametrize("make", [OpensWhenIterated, opening])
def test_nor_is_what_opens_in_the_iter_of_a_stream_of_the_views_own(make, serve, backend):
    log = []
    own = lambda: streaming(streaminstr.stream(make(log), name="own"))  # noqa: E731 - a view
    assert serve("wsgi", "sync", own, **RELEASE) == b"01"
    assert log == [True]
    assert report(backend).db_connections == 0


def begun(log):
    made = opening(log)
    assert next(made) == b"0"
    return made


@pytest.mark.parametrize("wrap", [lambda made: made, streaminstr.stream])
def test_a_body_that_was_entered_in_the_view_keeps_all(wrap, serve, backend):
    log = []
    assert serve("wsgi", "sync", lambda: streaming(wrap(begun(log))), **RELEASE) == b"1"
    assert log == [True]
    assert report(backend).db_connections == 1


@pytest.mark.parametrize("server", SERVERS)
def test_so_does_a_stream_that_was_primed_there(server, serve, backend):
    log = []
    primed = lambda: streaming(streaminstr.stream(opening(log), name="own").prime())  # noqa: E731
    assert serve(server, "sync", primed, **RELEASE) == b"01"
    assert log == [True]
    assert report(backend).db_connections == 1


class NoGenerator:
    """An async body of which only its stream knows that it was entered."""

    def __init__(self, log):
        self.made = opening_async(log)

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await anext(self.made)


@pytest.mark.parametrize("body", [opening_async, NoGenerator])
async def test_so_does_an_async_one(body, answer, backend):
    log = []

    async def make(request):
        primed = await streaminstr.stream(body(log), name="own").aprime()
        return streaming(primed)

    answer(make)
    setting = {"BACKEND": backend, "LOG_LEVELS": SILENT, **RELEASE}
    with override_settings(STREAMINSTR=setting):
        assert (await Asgi().run()).body == b"01"
    assert log == [True]
    assert report(backend).db_connections == 1


def test_a_response_that_a_middleware_primes_has_released_them_before(outer, answer, backend):
    log = []
    answer(lambda: streaming(sync_body(log)) if query() else None)

    def prime(response):
        response._iterator.prime()
        return response

    setting = {"BACKEND": backend, "LOG_LEVELS": SILENT, **RELEASE}
    with outer(prime), override_settings(STREAMINSTR=setting):
        assert Wsgi().read() == b"01"
    assert log == [[], []]


async def test_and_so_has_an_async_one(answer, backend):
    log, before = [], []

    @stream_scope(release_connections=True)
    async def scoped(request):
        await sync_to_async(query)()
        return streaming(async_body(log))

    async def make(request):
        response = await scoped(request)
        before.append(response._iterator.report().db_connections)
        await response._iterator.aprime()
        return response

    answer(make)
    assert (await Asgi().run()).body == b"01"
    assert (before, log) == ([None], [[], []])
    assert report(backend).db_connections == 0


def by_hand():
    """A transaction without an atomic block. Django closes such a connection with the request."""
    query()
    connections["default"].set_autocommit(False)
    return lambda: None


def in_block():
    block = transaction.atomic()
    block.__enter__()
    return lambda: block.__exit__(None, None, None)


@PLACES
@BODIES
@pytest.mark.parametrize("begin", [by_hand, in_block])
def test_a_connection_in_a_transaction_is_kept(begin, server, view, body, serve, backend):
    log, ends = [], []

    def make():
        response = streaming(body(log))
        response._resource_closers.append(ends[0])
        return response

    before = lambda: ends.append(begin())  # noqa: E731 - a view
    assert serve(server, view, make, before=before, **RELEASE) == b"01"
    assert [len(step) for step in log] == [1, 1]
    assert report(backend).db_connections == 1


@PLACES
@BODIES
@pytest.mark.parametrize("release", [True, False])
def test_the_decorator_says_it_for_one_view(release, server, view, body, answer, backend):
    log = []

    def make(request):
        query()
        return streaming(body(log))

    async def make_later(request):
        await sync_to_async(query)()
        return streaming(body(log))

    scoped = stream_scope(release_connections=release)
    answer(scoped(make if view == "sync" else make_later))
    setting = {"BACKEND": backend, "LOG_LEVELS": SILENT, "RELEASE_CONNECTIONS": not release}
    with override_settings(STREAMINSTR=setting):
        assert Context().run(_read, server, f"/{view}/") == b"01"
    assert [len(step) for step in log] == [int(not release)] * 2
    assert report(backend).db_connections == int(not release)


def test_a_sync_view_under_asgi_that_only_the_decorator_covers(answer, backend):
    @stream_scope()
    def make(request):
        query()
        return streaming(async_body([]))

    answer(make)
    with override_settings(MIDDLEWARE=[]):
        assert Context().run(_read, "asgi", "/sync/") == b"01"
    assert report(backend).db_connections == 1


async def test_an_async_view_that_only_the_decorator_covers(answer, backend):
    @stream_scope()
    async def make(request):
        await sync_to_async(query)()
        return streaming(async_body([]))

    answer(make)
    with override_settings(MIDDLEWARE=[]):
        assert (await Asgi().run()).body == b"01"
    assert report(backend).db_connections == 1


@pytest.mark.parametrize("given", ["yes", 1])
def test_the_decorator_refuses_what_is_no_bool(given):
    with pytest.raises(TypeError, match=r"release_connections is .*Write True or False"):
        stream_scope(release_connections=given)


def test_the_setting_takes_a_bool():
    with pytest.raises(StreaminstrError, match=r"RELEASE_CONNECTIONS\"\] is 'yes'"):
        conf.check_options({"RELEASE_CONNECTIONS": "yes"})


def test_the_first_step_of_an_async_body_waits_for_nothing_more(answer, backend):
    async def body():
        yield b"0"

    held = []

    def make(request):
        query()
        held.append(streaming(body()))
        return held[0]

    answer(make)
    request = Wsgi()
    step = held[0]._iterator.__anext__()
    with pytest.raises(StopIteration) as chunk:
        step.send(None)
    assert chunk.value.value == b"0"
    request.close()
    assert report(backend).db_connections == 1


async def test_a_thread_that_other_requests_share_is_not_looked_into(answer, backend):
    """Django's test client for ASGI has no thread for each request."""
    log = []
    opened = await sync_to_async(query)()
    answer(lambda: streaming(async_body(log)))
    setting = {"BACKEND": backend, "LOG_LEVELS": SILENT, **RELEASE}
    with override_settings(STREAMINSTR=setting):
        response = await AsyncClient().get("/async/")
        assert b"".join([chunk async for chunk in response.streaming_content]) == b"01"
    assert log == [[opened]] * 2
    assert report(backend).db_connections is None
    await sync_to_async(connections.close_all)()


def test_under_wsgi_the_connections_of_another_thread_are_not_looked_at(answer, backend):
    log = []
    answer(lambda: streaming(sync_body(log)))

    def elsewhere(request):
        opened = query()
        assert b"".join(request.body) == b"01"
        log.append([opened])
        connections.close_all()

    setting = {"BACKEND": backend, "LOG_LEVELS": SILENT, **RELEASE}
    with override_settings(STREAMINSTR=setting):
        request = Wsgi()
        thread = threading.Thread(target=elsewhere, args=(request,))
        thread.start()
        thread.join(10)
        request.close()
    assert log == [log[0]] * 3
    assert report(backend).db_connections is None


@PLACES
@BODIES
def test_what_cannot_be_closed_costs_the_body_nothing(
    server, view, body, serve, backend, errors, monkeypatch
):
    plain = BaseDatabaseWrapper._close

    def close(self):
        plain(self)  # since Python 3.13 a connection that is dropped open warns
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "_close", close)
        assert serve(server, view, lambda: streaming(body([])), **RELEASE) == b"01"
    assert list(errors) == ["streaminstr.django._connections._release: OSError"]
    assert report(backend).db_connections == 0


def test_where_there_is_no_database_nothing_is_counted(monkeypatch, serve, backend):
    monkeypatch.setattr(settings, "DATABASES", {})
    for server, body in (("wsgi", sync_body), ("asgi", async_body)):
        assert serve(server, "sync", lambda body=body: streaming(body([])), **RELEASE) == b"01"
    assert [one.report.db_connections for one in backend.closed] == [None, None]


async def test_a_body_that_is_cut_while_its_connections_are_closed_is_never_entered(
    answer, backend, monkeypatch
):
    log, arrived, go_on = [], threading.Event(), threading.Event()
    request = Asgi("/async/")
    plain = BaseDatabaseWrapper.close

    def close(self):
        arrived.set()
        go_on.wait(10)
        plain(self)  # since Python 3.13 a connection that is dropped open warns

    async def make(_):
        await sync_to_async(query)()
        monkeypatch.setattr(BaseDatabaseWrapper, "close", close)
        return streaming(async_body(log))

    async def leave():
        await asyncio.to_thread(arrived.wait, 10)
        request.left.set()
        await until(lambda: any(task.cancelling() for task in asyncio.all_tasks()))
        go_on.set()

    answer(make)
    setting = {"BACKEND": backend, "LOG_LEVELS": SILENT, **RELEASE}
    with override_settings(STREAMINSTR=setting):
        await asyncio.gather(request.run(), leave())
    assert (log, report(backend).outcome) == ([], "cancelled")
