"""A body that was entered before its stream was made is found, and stepped where its caller is."""

import asyncio
import gc
import itertools
import logging
from contextvars import ContextVar, copy_context

import pytest

import streaminstr
from core_fakes import Iterator, by_hand
from streaminstr import Outcome, _wrap, current_stream, stream
from streaminstr._begun import is_begun

held = ContextVar("held", default="unset")


def gen():
    yield 1
    yield 2
    yield 3


async def agen():
    for number in range(3):
        yield number


def begun():
    made = gen()
    next(made)
    return made


def abegun():
    made = agen()
    by_hand(anext(made))
    return made


def rest(first, it):
    yield first
    yield from it


async def arest(first, it):
    yield first
    async for chunk in it:
        yield chunk


def closure(it):
    def body():
        yield from it

    return body()


def aclosure(it):
    async def body():
        async for chunk in it:
            yield chunk

    return body()


def two_closures(it):
    def outer():
        return closure(it)

    return outer()


async def over_sync(it):
    for chunk in it:
        yield chunk


SHAPES = {
    "itself": lambda it: it,
    "chain": lambda it: itertools.chain([0], it),
    "chain last": lambda it: itertools.chain([0], [1], [2], it),
    "map": lambda it: map(str, it),
    "filter": lambda it: filter(None, it),
    "zip": lambda it: zip(it, [1, 2], strict=False),
    "enumerate": enumerate,
    "islice": lambda it: itertools.islice(it, 2),
    "takewhile": lambda it: itertools.takewhile(bool, it),
    "starmap": lambda it: itertools.starmap(repr, zip(it, strict=True)),
    "tee": lambda it: itertools.tee(it)[0],
    "map over chain": lambda it: map(str, itertools.chain([0], it)),
    "chain over map over chain": lambda it: itertools.chain(map(str, itertools.chain([0], it))),
    "argument": lambda it: rest(0, it),
    "closure": closure,
    "closure of a closure": two_closures,
    "expression": lambda it: (chunk for chunk in it),
    "expression over chain": lambda it: (chunk for chunk in itertools.chain([0], it)),
    "async over sync": over_sync,
}
ASYNC_SHAPES = {
    "itself": lambda it: it,
    "argument": lambda it: arest(0, it),
    "closure": aclosure,
    "expression": lambda it: (chunk async for chunk in it),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_begun_generator_is_found_through_what_holds_it(shape):
    assert is_begun(SHAPES[shape](begun()))
    assert not is_begun(SHAPES[shape](gen()))


@pytest.mark.parametrize("shape", ASYNC_SHAPES)
def test_so_is_an_async_generator(shape):
    assert is_begun(ASYNC_SHAPES[shape](abegun()))
    assert not is_begun(ASYNC_SHAPES[shape](agen()))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_stream_has_the_chunks_that_the_body_has(shape, backend):
    if shape == "async over sync":
        assert by_hand(chunks_of(stream(SHAPES[shape](begun())))) == [2, 3]
    else:
        assert list(stream(SHAPES[shape](begun()))) == list(SHAPES[shape](begun()))


@pytest.mark.parametrize("shape", ASYNC_SHAPES)
def test_so_has_an_async_one(shape, backend):
    plain = by_hand(chunks_of(ASYNC_SHAPES[shape](abegun())))
    assert by_hand(chunks_of(stream(ASYNC_SHAPES[shape](abegun())))) == plain


async def chunks_of(body):
    return [chunk async for chunk in body]


def test_an_async_generator_that_waits_in_its_first_step_is_begun():
    async def body():
        yield await asyncio.Event().wait()

    async def main():
        made = body()
        task = asyncio.ensure_future(anext(made))
        await asyncio.sleep(0)
        found = is_begun(made)
        task.cancel()
        await asyncio.wait([task])
        return found

    assert asyncio.run(main())


def exhausted():
    made = gen()
    list(made)
    return made


def closed():
    made = begun()
    made.close()
    return made


def aclosed():
    made = abegun()
    by_hand(made.aclose())
    return made


@pytest.mark.parametrize("make", [exhausted, closed, aclosed], ids=lambda make: make.__name__)
def test_one_that_has_finished_can_be_stepped_anywhere(make):
    assert not is_begun(make())


@pytest.mark.parametrize(
    "body",
    [
        [1, 2],
        (begun(), 1),
        iter([begun()]),
        Iterator(begun()),
        {"it": begun()},
        b"bytes",
        map(begun().send, [None]),
        stream(begun()),
    ],
    ids=lambda body: type(body).__name__,
)
def test_objects_of_other_types_are_not_looked_into(body):
    """The limit that docs/how-to/prime-a-stream.md names."""
    assert not is_begun(body)


def test_data_costs_little_however_much_it_is(monkeypatch):
    looked = []
    monkeypatch.setattr("streaminstr._begun.get_referents", looking(looked))
    few = (1,) * 20
    for _ in range(9):
        few = (few,) * 20
    for data in (few, tuple(range(1_000_000))):
        assert not is_begun(rest(0, data))
    assert sum(looked) < 5_000


def looking(looked):
    def get_referents(*objects):
        found = gc.get_referents(*objects)
        looked.append(len(found))
        return found

    return get_referents


def test_a_generator_that_refers_to_itself_is_looked_at_a_few_times():
    def body(box):
        yield box

    box = []
    made = body((box, box))
    box.append(made)
    assert not is_begun(made)
    assert next(made) == (box, box)


# What becomes of it


def tokened(log):
    """A body that holds a token across its yields."""
    token = held.set("inside")
    try:
        for number in range(3):
            log.append((held.get(), bool(current_stream())))
            yield number
    finally:
        held.reset(token)
        log.append("reset")


async def atokened(log):
    token = held.set("inside")
    try:
        for number in range(3):
            await asyncio.sleep(0)
            log.append((held.get(), bool(current_stream())))
            yield number
    finally:
        held.reset(token)
        log.append("reset")


def apart(function):
    """Run a test in a Context of its own, as a request has one."""
    return copy_context().run(function)


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: itertools.chain([0], it)])
def test_its_steps_and_its_clean_up_run_where_its_caller_is(wrap, backend):
    def run():
        log = []
        it = tokened(log)
        next(it)
        made = stream(wrap(it), name="s")
        chunks = list(made)
        return log, chunks, held.get()

    log, chunks, after = apart(run)
    assert chunks[-2:] == [1, 2]
    assert log == [("inside", False)] * 3 + ["reset"]
    assert after == "unset"
    assert [one.outcome for one in backend.closed] == [Outcome.COMPLETED]


def test_closed_early_it_is_cleaned_up_where_its_caller_is(backend):
    def run():
        log = []
        it = tokened(log)
        next(it)
        made = stream(it, name="s")
        next(made)
        made.close()
        return log, held.get()

    log, after = apart(run)
    assert (log[-1], after) == ("reset", "unset")
    assert [one.outcome for one in backend.closed] == [Outcome.CANCELLED]


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: arest(0, it), aclosure])
@pytest.mark.parametrize("ending", ["read", "left"])
def test_so_it_is_with_an_async_body(wrap, ending, backend):
    async def run():
        log = []
        it = atokened(log)
        await anext(it)
        made = stream(wrap(it), name="s")
        if ending == "read":
            async for _ in made:
                pass
        else:
            await anext(made)
            await made.aclose()
            await it.aclose()
        return log, held.get()

    log, after = asyncio.run(run())
    assert (log[0], log[-1], after) == (("inside", False), "reset", "unset")
    expected = Outcome.COMPLETED if ending == "read" else Outcome.CANCELLED
    assert [one.outcome for one in backend.closed] == [expected]


def test_its_error_is_that_of_the_body(backend):
    def body():
        token = held.set("inside")
        try:
            yield 1
            raise LookupError
        finally:
            held.reset(token)

    def run():
        it = body()
        next(it)
        with pytest.raises(LookupError):
            list(stream(it))

    apart(run)
    assert [one.outcome for one in backend.closed] == [Outcome.FAILED]


def test_it_is_said_once_for_each_name_that_it_is_not_isolated(backend, caplog, monkeypatch):
    monkeypatch.setattr(_wrap, "_begun_names", set())
    with caplog.at_level(logging.INFO, "streaminstr"):
        for name in ("a", "a", "b"):
            list(stream(begun(), name=name))
        list(stream(gen(), name="fresh"))
    assert [record.args for record in caplog.records] == [("a",), ("b",)]
    assert {record.levelname for record in caplog.records} == {"INFO"}


def test_a_stream_over_a_begun_stream_is_isolated(backend, caplog):
    """It has a Context of its own already."""
    with caplog.at_level(logging.INFO, "streaminstr"):
        inner = streaminstr.stream(gen(), name="inner")
        first = next(inner)
        assert list(stream(itertools.chain([first], inner), name="outer")) == [1, 2, 3]
    assert caplog.records == []
