"""Where the body of an open stream waits: from the body down to what it awaits."""

import asyncio
import gc
import itertools
import sys
import threading
import types
import weakref
from pathlib import Path

import greenlet
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from core_fakes import AsyncIterator, Iterator, until
from parked import LONG
from streaminstr import _configure, asgi, open_streams, stream
from streaminstr._calls import loop
from streaminstr._process import frames
from streaminstr._wrap import make_handle, push

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).relative_to(ROOT).as_posix()


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def waits(name="body"):
    """Where the stream called `name` waits."""
    (one,) = (row for row in open_streams() if row.name == name)
    return one.waits


def functions(name="body"):
    """The same without files and lines."""
    return [text.rpartition(" ")[2] for text in waits(name)]


def opened(body, **options):
    """A stream over `body` that has taken its first step."""
    made = stream(body, name="body", **options)
    next(made)
    return made


def rows():
    yield 1
    yield from query()


def query():
    yield from (2, 3)


# Sync bodies between steps


def test_a_generator_waits_where_it_has_yielded(backend):
    line = rows.__code__.co_firstlineno + 1
    with opened(rows()):
        assert waits() == (f"{HERE}:{line} rows",)


def test_a_generator_that_yields_from_another_shows_both(backend):
    def body():
        yield from rows()

    with opened(body()):
        assert functions() == ["body", "rows"]


def test_what_has_no_frames_ends_the_chain_in_dots(backend):
    with opened(rows()) as made:
        next(made)
        assert functions() == ["rows", "query", "..."]


@pytest.mark.parametrize(
    "iterator",
    [
        lambda: map(str, rows()),
        lambda: filter(None, rows()),
        lambda: itertools.islice(map(str, rows()), 3),
        lambda: itertools.chain(rows(), [4]),
        lambda: stream(rows(), name="inner"),
    ],
    ids=["map", "filter", "islice", "chain", "stream"],
)
def test_an_iterator_of_pythons_own_shows_what_it_steps(backend, iterator):
    with opened(iterator()):
        assert functions() == ["rows"]


@pytest.mark.parametrize(
    "iterator",
    [lambda: [1, 2], lambda: Iterator(1, 2), lambda: zip(rows(), rows(), strict=True)],
    ids=["list", "object", "two generators"],
)
def test_what_no_one_can_look_into_shows_dots(backend, iterator):
    with opened(iterator()):
        assert waits() == ("...",)


def test_a_body_that_reads_a_stream_shows_what_that_waits_for(backend):
    def body():
        yield from stream(rows(), name="inner")

    with opened(body()):
        assert functions() == ["body", "rows"]


class Rows:
    def __iter__(self):
        return rows()


@pytest.mark.parametrize("body", [rows, Rows])
def test_a_primed_body_waits_after_its_first_chunk(backend, body):
    with stream(body(), name="body").prime():
        assert functions() == ["rows"]


def test_a_long_chain_is_cut(backend):
    def body(depth):
        yield from body(depth - 1) if depth else rows()

    with opened(body(150)):
        shown = waits()
    assert len(shown) == 13
    assert shown[1] == shown[-1] == "..."


# Steps that are running


class Step:
    """A step that runs in a thread of its own, until it is let go."""

    def __init__(self):
        self.reached, self.go_on = threading.Event(), threading.Event()

    def wait(self):
        self.reached.set()
        assert self.go_on.wait(LONG)

    def under(self, function, *arguments):
        """Have a thread call `function`; returns what it shows when it waits, and lets it go."""
        thread = threading.Thread(target=function, args=arguments)
        thread.start()
        assert self.reached.wait(LONG)
        try:
            return {row.name: row for row in open_streams()}
        finally:
            self.go_on.set()
            thread.join(LONG)


@pytest.fixture
def step():
    return Step()


def test_a_step_in_another_thread_shows_what_runs_there(backend, step):
    def body():
        step.wait()
        yield 1

    with stream(body(), name="body") as made:
        seen = step.under(next, made)["body"]
    own = f"{HERE}:{Step.wait.__code__.co_firstlineno + 2} wait"
    assert [text.rpartition(" ")[2] for text in seen.waits[:2]] == ["body", "wait"]
    assert seen.waits[1] == seen.waits_at == own
    assert all(text.startswith("threading.py:") for text in seen.waits[2:])


def test_so_does_an_iterator_object_or_a_clean_up(backend, step):
    class Body:
        def __next__(self):
            return 1

        def close(self):
            step.wait()

    made = opened(Body())
    seen = step.under(made.close)["body"]
    assert seen.waits_at.endswith(" wait")
    assert " close" in seen.waits[0]


def test_a_stream_within_a_step_shows_its_own_part(backend, step):
    def inner():
        step.wait()
        yield 1

    def body():
        yield from stream(inner(), name="inner")

    with stream(body(), name="body") as made:
        seen = step.under(next, made)
    assert " body" in seen["body"].waits[0]
    assert " inner" in seen["inner"].waits[0]
    assert seen["body"].waits[1:] == seen["inner"].waits


def test_a_body_can_look_itself(backend):
    def body():
        yield waits()

    with stream(body(), name="body") as made:
        assert [text.rpartition(" ")[2] for text in next(made)] == ["body", "waits", "<genexpr>"][
            :2
        ]


def test_a_step_in_a_greenlet_that_is_switched_out_ends_in_dots(backend):
    main = greenlet.getcurrent()

    def body():
        main.switch()
        yield 1

    with stream(body(), name="body") as made:
        other = greenlet.greenlet(lambda: next(made))
        other.switch()
        assert functions() == ["body", "..."]
        other.switch()


def test_an_async_step_that_holds_up_its_loop_shows_where(backend, step):
    async def body():
        step.wait()
        yield 1

    async def read():
        async with stream(body(), name="body") as made:
            await anext(made)

    seen = step.under(asyncio.run, read())["body"]
    assert seen.waits_at.endswith(" wait")
    assert " body" in seen.waits[0]


# Async bodies within a step


async def fetch():
    await asyncio.Event().wait()


async def arows():
    await fetch()
    yield 1  # pragma: no cover - it waits


async def while_it_waits(body, look=functions):
    """What `look()` says while the first step of a stream over `body` waits."""
    async with stream(body, name="body") as made:
        task = asyncio.ensure_future(made.__anext__())
        await until(lambda: made.awaited is not None)
        await asyncio.sleep(0)  # what it waits for begins
        try:
            return look()
        finally:
            task.cancel()
            await asyncio.wait([task])


async def through_a_generator():
    async for chunk in arows():  # pragma: no cover - it waits
        yield chunk


async def through_a_stream():
    async for chunk in stream(arows(), name="inner"):  # pragma: no cover - it waits
        yield chunk


async def through_a_stream_of_objects():
    async for chunk in stream(Waiting(), name="inner"):  # pragma: no cover - it waits
        yield chunk


async def through_a_task():
    await asyncio.create_task(fetch())
    yield 1  # pragma: no cover - it waits


async def through_a_future():
    await asyncio.get_running_loop().create_future()
    yield 1  # pragma: no cover - it waits


async def through_an_awaitable():
    await Awaitable()
    yield 1  # pragma: no cover - it waits


async def through_a_default():
    yield await anext(arows(), None)


class Awaitable:
    def __await__(self):
        return fetch().__await__()


class Waiting:
    def __aiter__(self):
        return self

    async def __anext__(self):
        await fetch()


@pytest.mark.parametrize(
    ("body", "chain"),
    [
        (arows, ["arows", "fetch", "wait"]),
        (through_a_generator, ["through_a_generator", "arows", "fetch", "wait"]),
        (through_a_stream, ["through_a_stream", "arows", "fetch", "wait"]),
        (
            through_a_stream_of_objects,
            ["through_a_stream_of_objects", "__anext__", "fetch", "wait"],
        ),
        (through_a_task, ["through_a_task", "fetch", "wait"]),
        (through_a_future, ["through_a_future"]),
        (through_an_awaitable, ["through_an_awaitable", "fetch", "wait"]),
        (through_a_default, ["through_a_default", "arows", "fetch", "wait"]),
        (Waiting, ["__anext__", "fetch", "wait"]),
        (lambda: stream(Waiting(), name="inner"), ["__anext__", "fetch", "wait"]),
        (lambda: stream(arows(), name="inner"), ["arows", "fetch", "wait"]),
    ],
)
async def test_an_async_body_shows_what_it_awaits(backend, body, chain):
    assert await while_it_waits(body()) == chain


async def test_an_object_that_reads_an_object_each_show_their_own_part(backend):
    class Body(Waiting):
        async def __anext__(self):
            return await anext(stream(Waiting(), name="inner"))

    def look():
        return waits(), waits("inner")

    outer, inner = await while_it_waits(Body(), look)
    assert outer[1:] == inner
    assert len(inner) == 3


async def test_the_innermost_frame_of_the_application_is_named(backend):
    def look():
        (one,) = open_streams()
        return one.waits, one.waits_at

    shown, at = await while_it_waits(arows(), look)
    assert shown[1] == at == f"{HERE}:{fetch.__code__.co_firstlineno + 1} fetch"
    assert shown[2].startswith("asyncio/locks.py:")


async def test_between_steps_an_async_generator_waits_where_it_has_yielded(backend):
    async def body():
        yield 1

    async with stream(body(), name="body") as made:
        await anext(made)
        assert functions() == ["body"]


async def test_between_steps_an_object_shows_dots(backend):
    async with stream(AsyncIterator(1, 2), name="body") as made:
        await anext(made)
        assert waits() == ("...",)


async def test_an_object_whose_step_is_driven_by_hand_shows_dots(backend):
    @types.coroutine
    def by_hand(step):
        while True:
            yield step.send(None)

    async def read(made):
        await by_hand(made.__anext__())

    made = stream(Waiting(), name="body")
    task = asyncio.create_task(read(made))
    await until(lambda: made.awaited is not None)
    try:
        assert waits() == ("...",)
    finally:
        task.cancel()
        await asyncio.wait([task])
        made.give_up()


async def test_a_clean_up_that_waits_shows_dots(backend):
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def body():
        try:
            yield 1
        finally:
            reached.set()
            await go_on.wait()

    made = stream(body(), name="body")
    await anext(made)
    task = asyncio.create_task(made.aclose())
    await reached.wait()
    assert waits() == ("...",)
    go_on.set()
    await task


@pytest.mark.parametrize("nested", [False, True])
def test_trio(backend, nested):
    async def inner():
        await trio.sleep_forever()
        yield 1  # pragma: no cover - it waits

    async def outer():
        async for chunk in stream(inner(), name="inner"):  # pragma: no cover - it waits
            yield chunk

    async def main():
        async with (
            stream(outer() if nested else inner(), name="body") as made,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(made.__anext__)
            await wait_all_tasks_blocked()
            seen = functions()
            nursery.cancel_scope.cancel()
        return seen

    seen = trio.run(main)
    assert seen[: seen.index("sleep_forever")] == ["outer", "inner"][not nested :]
    assert seen[-1] != "..."


def test_an_object_under_trio_shows_dots(backend):
    class Body(Waiting):
        async def __anext__(self):
            await trio.sleep_forever()

    async def main():
        async with stream(Body(), name="body") as made, trio.open_nursery() as nursery:
            nursery.start_soon(made.__anext__)
            await wait_all_tasks_blocked()
            seen = waits()
            nursery.cancel_scope.cancel()
        return seen

    assert trio.run(main) == ("...",)


def test_asyncio_is_not_needed(backend, monkeypatch):
    with opened(map(str, [1, 2])):
        monkeypatch.delitem(sys.modules, "asyncio")
        assert waits() == ("...",)


# Streams whose chunks are pushed


async def pushing(_, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"1", "more_body": True})
    await receive()


SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": []}


async def nothing(*_):
    pass


async def test_a_pushed_stream_shows_the_call_of_the_application(backend):
    async def server():
        await asgi.StreamScopeMiddleware(pushing)(dict(SCOPE), fetch, nothing)

    task = asyncio.create_task(server())
    await until(open_streams)
    assert functions("GET") == ["pushing", "fetch", "wait"]
    task.cancel()
    await asyncio.wait([task])


async def test_and_a_client_that_does_not_read(backend):
    async def server(message):
        if message.get("body"):
            await fetch()

    task = asyncio.create_task(asgi.StreamScopeMiddleware(pushing)(dict(SCOPE), nothing, server))
    await until(open_streams)
    (one,) = open_streams()
    assert one.turn == "consumer"
    assert functions("GET") == ["pushing", "server", "fetch", "wait"]
    task.cancel()
    await asyncio.wait([task])


def test_and_one_that_holds_up_its_loop(backend, step):
    async def receive():
        step.wait()
        return {"type": "http.disconnect"}

    net = asgi.StreamScopeMiddleware(pushing)
    seen = step.under(asyncio.run, net(dict(SCOPE), receive, nothing))["GET"]
    assert [text.rpartition(" ")[2] for text in seen.waits[:3]] == ["pushing", "receive", "wait"]


def test_and_under_trio(backend):
    async def main():
        async with trio.open_nursery() as nursery:
            net = asgi.StreamScopeMiddleware(pushing)
            nursery.start_soon(net, dict(SCOPE), trio.sleep_forever, nothing)
            await wait_all_tasks_blocked()
            seen = functions("GET")
            nursery.cancel_scope.cancel()
        return seen

    assert trio.run(main)[:2] == ["pushing", "sleep_forever"]


def pushed():
    config = _configure.current()
    return push(make_handle(config, "body", None), config, None, 0.0)


async def test_outside_of_a_net_it_is_the_task_and_dots_once_that_is_over(backend):
    made = []

    async def produce():
        made.append(pushed())
        await fetch()

    task = asyncio.create_task(produce())
    await until(lambda: made)
    assert functions() == ["produce", "fetch", "wait"]
    task.cancel()
    await asyncio.wait([task])
    del task
    await until(lambda: waits() == ("...",))
    made[0].close()


def test_without_a_task_there_are_dots(backend):
    made = pushed()
    assert waits() == ("...",)
    made.close()
    made.withdraw()


def test_nor_is_a_task_followed_that_cannot_be_remembered(backend, monkeypatch):
    task = types.SimpleNamespace(get_coro=object)  # to which there are no weak references
    with monkeypatch.context() as patched:
        patched.setattr(loop, "current_task", lambda: task)
        made = pushed()
    assert waits() == ("...",)
    made.close()
    made.withdraw()


# Nothing is kept


class Held:
    pass


@pytest.fixture
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
def test_a_look_keeps_no_variable_of_a_body(backend, step):
    seen = []

    def body():
        held = Held()
        seen.append(weakref.ref(held))
        yield 1
        step.wait()
        del held
        yield seen[0]()

    with opened(body()) as made:
        open_streams()
        step.under(lambda: seen.append(next(made)))
    assert seen[1] is None
    assert seen[0]() is None


@pytest.mark.usefixtures("_no_collector")
async def test_nor_of_one_that_waits(backend):
    seen = []

    async def body():
        held = Held()
        seen.append(weakref.ref(held))
        await fetch()
        yield held  # pragma: no cover - it waits

    assert await while_it_waits(body()) == ["body", "fetch", "wait"]
    await until(lambda: seen[0]() is None)


@pytest.mark.usefixtures("_no_collector")
def test_a_look_leaves_no_cycle(backend):
    with opened(rows()):
        open_streams()
        gc.collect()
        open_streams()
        assert gc.collect() == 0


# How places are written

OF_DEMO = "streaminstr" if "site-packages" in asgi.__file__ else ""
"""What the demo belongs to: the application, or, where it is installed, its package."""


@pytest.mark.parametrize(
    ("file", "short", "owner"),
    [
        ("/srv/app/shop/views.py", "shop/views.py", ""),
        ("shop/views.py", "shop/views.py", ""),
        ("/srv/app/.venv/lib/python3.13/site-packages/redis/client.py", "redis/client.py", "redis"),
        ("/usr/lib/python3/dist-packages/yaml/reader.py", "yaml/reader.py", "yaml"),
        (asyncio.__file__, "asyncio/__init__.py", "python"),
        ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap>", "python"),
        ("<string>", "<string>", ""),
        ("/opt/lib/shop/views.py", "shop/views.py", ""),
        ("/mnt/ada/reports/views.py", "reports/views.py", ""),
        (frames.__file__, frames.__file__, None),
        (str(Path(asgi.__file__).parent / "demo" / "site.py"), "streaminstr/demo/site.py", OF_DEMO),
    ],
)
def test_a_file_is_shown_as_short_as_it_is_clear(monkeypatch, file, short, owner):
    monkeypatch.setattr(sys, "path", ["", Path("/opt"), "/opt/lib", str(ROOT)])
    frames.shorten.cache_clear()
    assert frames.shorten(file, "/srv/app") == (short, owner)
    frames.shorten.cache_clear()


def test_a_process_in_the_topmost_folder_shows_files_by_how_they_are_imported(monkeypatch):
    monkeypatch.setattr(sys, "path", ["/srv/app"])
    frames.shorten.cache_clear()
    assert frames.shorten("/srv/app/shop/views.py", "/") == ("shop/views.py", "")
    frames.shorten.cache_clear()


def installed(package, function):
    return (f"/lib/site-packages/{package}/one.py", 1, function)


def test_frames_of_the_application_come_first_each_outermost_first():
    outer, inner = ("/a/views.py", 1, "outer"), ("/a/views.py", 2, "inner")
    places = (installed("lib", "wrap"), outer, installed("lib", "retry"), inner, None)
    shown, at = frames.in_words(places, "/a")
    assert [text.rpartition(" ")[2] for text in shown] == ["outer", "inner", "wrap", "retry", "..."]
    assert at == "views.py:2 inner"


def test_where_all_is_installed_the_package_of_the_outermost_frame_is_the_application():
    places = (installed("shop", "rows"), installed("redis", "read"), installed("shop", "parse"))
    assert frames.in_words(places, "/a") == (
        ("shop/one.py:1 rows", "shop/one.py:1 parse", "redis/one.py:1 read"),
        "shop/one.py:1 parse",
    )


def test_pythons_own_library_is_never_the_application():
    assert frames.in_words(((asyncio.__file__, 1, "f"),), "/a")[1] == ""


def test_a_directory_that_was_removed_shortens_nothing(monkeypatch):
    def cwd():
        raise FileNotFoundError

    monkeypatch.setattr(frames.Path, "cwd", cwd)
    assert frames.directory() == ""


def test_an_instruction_without_a_line_counts_as_the_functions_first():
    frame = types.SimpleNamespace(f_code=rows.__code__, f_lineno=None)
    assert frames.place_of(frame) == (__file__, rows.__code__.co_firstlineno, "rows")
