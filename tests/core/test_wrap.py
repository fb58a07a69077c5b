"""`stream` and `streamed`: from a body, or from what makes one, to a stream."""

import functools
import inspect

import pytest

from core_fakes import AsyncIterator, Iterator, by_hand
from streaminstr import Outcome, StreaminstrError, _wrap, current_stream, stream, streamed
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.stream import Stream
from streaminstr._exchange import Exchange, alive


def rows():
    yield 1
    yield 2


async def async_rows():
    yield 1
    yield 2


async def drain(made):
    return [chunk async for chunk in made]


def names(backend):
    return [recorded.name for recorded in backend.streams]


# `stream`


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (rows(), Stream),
        ([], Stream),
        (Iterator(), Stream),
        (async_rows(), AsyncStream),
        (AsyncIterator(), AsyncStream),
    ],
)
def test_the_kind_of_body_decides_the_kind_of_stream(backend, body, kind):
    assert type(stream(body)) is kind


def test_a_body_of_both_kinds_is_sync(backend):
    class Both(Iterator, AsyncIterator):
        pass

    assert type(stream(Both())) is Stream


@pytest.mark.parametrize("body", [None, 42, object()])
def test_what_cannot_be_iterated_is_refused_at_once(backend, body):
    with pytest.raises(TypeError, match="is neither"):
        stream(body)
    assert backend.streams == []


@pytest.mark.parametrize(
    ("body", "name"),
    [(rows(), "rows"), (async_rows(), "async_rows"), ([], "list"), (Iterator(), "Iterator")],
)
def test_the_name_is_by_default_that_of_what_made_the_body(backend, body, name):
    stream(body)
    assert names(backend) == [name]


def test_the_name_may_be_given(backend):
    stream(rows(), name="orders.export")
    assert names(backend) == ["orders.export"]


def test_attributes_are_those_of_the_moment_when_the_stream_was_made(backend):
    attributes = {"shop.kind": "csv"}
    stream(rows(), attributes=attributes)
    attributes.clear()
    assert backend.streams[0].info.attributes == {"shop.kind": "csv"}


def test_an_adapter_may_know_the_kind_of_body_better(backend):
    class Both(Iterator, AsyncIterator):
        pass

    config = _wrap._configure.current()
    handle = _wrap.Handle(_wrap.StreamInfo(name="shop"))
    assert type(_wrap.wrap(Both(), handle, config, is_async=True)) is AsyncStream
    assert type(_wrap.wrap(Both(), handle, config, is_async=False)) is Stream


def test_an_adapters_closers_take_the_place_of_the_bodys_own_close(backend):
    body, closed = Iterator(1, 2), []
    handle = _wrap.Handle(_wrap.StreamInfo(name="shop"))
    closers = [lambda: closed.append("first"), lambda: closed.append("second")]
    made = _wrap.wrap(body, handle, _wrap._configure.current(), closers=closers)
    next(made)
    made.close()
    assert (closed, body.closed_in) == (["first", "second"], [])


def test_every_closer_is_called_whatever_another_raises(backend):
    def raising():
        raise LookupError

    closed = []
    handle = _wrap.Handle(_wrap.StreamInfo(name="shop"))
    closers = [raising, lambda: closed.append("second")]
    made = _wrap.wrap(rows(), handle, _wrap._configure.current(), closers=closers)
    next(made)
    with pytest.raises(LookupError):
        made.close()
    assert closed == ["second"]


def test_an_outermost_net_is_told_of_the_stream_and_does_not_keep_it(backend):
    exchange = Exchange()
    made = exchange.context().run(stream, rows())
    assert alive(exchange.streams) == [made]
    del made
    assert alive(exchange.streams) == []


# `streamed`


def test_a_generator_function(backend):
    @streamed("orders.export")
    def export(count, *, start):
        yield from range(start, start + count)

    assert list(export(2, start=3)) == [3, 4]
    assert (names(backend), backend.streams[0].outcome) == (["orders.export"], Outcome.COMPLETED)


def test_an_async_generator_function(backend):
    export = streamed("orders.export")(async_rows)
    assert by_hand(drain(export())) == [1, 2]
    assert names(backend) == ["orders.export"]


def test_a_callable_that_returns_a_body(backend):
    made = streamed("orders.export")(lambda: [1, 2])
    assert list(made()) == [1, 2]


def test_a_coroutine_function_that_returns_a_body(backend):
    @streamed("orders.export")
    async def export(count):
        return range(count)

    assert inspect.iscoroutinefunction(export)
    assert list(by_hand(export(2))) == [0, 1]


class Later:
    """What is called and awaited without being a coroutine function, as `sync_to_async` makes."""

    async def __call__(self, count):
        return range(count)


class Cursor(Iterator):
    """A body that may be awaited, too, as a cursor of asyncpg's."""

    def __await__(self):
        raise NotImplementedError


async def test_any_callable_may_return_an_awaitable_of_a_body(backend):
    assert list(await streamed("orders.export")(Later())(2)) == [0, 1]
    assert names(backend) == ["orders.export"]


def test_a_body_that_is_awaitable_too_is_a_body(backend):
    assert list(streamed("orders.export")(Cursor)(1, 2)) == [1, 2]


def test_each_call_gives_a_stream_of_its_own(backend):
    export = streamed()(rows)
    assert [list(export()), list(export())] == [[1, 2], [1, 2]]
    assert [len(names(backend)), len(backend.closed)] == [2, 2]


def test_the_name_is_by_default_that_of_the_function(backend):
    streamed()(rows)()
    streamed()(functools.partial(rows))()
    assert names(backend) == ["rows", "partial"]


def test_the_function_keeps_its_name_and_its_doc(backend):
    export = streamed("orders.export")(rows)
    assert (export.__name__, export.__wrapped__) == ("rows", rows)


def test_attributes_are_put_on_each_stream(backend):
    streamed(attributes={"shop.kind": "csv"})(rows)()
    assert backend.streams[0].info.attributes == {"shop.kind": "csv"}


def test_a_function_that_returns_no_body_raises_where_it_is_called(backend):
    with pytest.raises(TypeError, match="is neither"):
        streamed()(lambda: 42)()


def test_what_the_function_raises_comes_out_and_no_stream_is_made(backend):
    def export():
        raise LookupError

    with pytest.raises(LookupError):
        streamed()(export)()
    assert backend.streams == []


def test_without_brackets_it_is_refused():
    with pytest.raises(StreaminstrError, match=r"write @streamed\(\)"):
        streamed(rows)


# `pass_stream`


def positional_first(stream, *numbers, **named):
    yield stream, numbers, named


def positional_last(first, stream=None):
    yield stream, (first,), {}


def keyword_only(*numbers, stream, **named):
    yield stream, numbers, named


def positional_only(stream, /, first):
    yield stream, (first,), {}


class Shop:
    @streamed("shop", pass_stream=True)
    def export(self, stream, number):
        yield stream, (number,), {}


@pytest.mark.parametrize(
    "function", [positional_first, positional_last, keyword_only, positional_only]
)
def test_the_handle_is_passed_as_the_parameter_called_stream(backend, function):
    ((handle, numbers, named),) = streamed("shop", pass_stream=True)(function)(1)
    assert (handle.info.name, numbers, named) == ("shop", (1,), {})


@pytest.mark.parametrize("function", [positional_first, keyword_only])
def test_other_arguments_stay_where_they_are(backend, function):
    ((handle, numbers, named),) = streamed("shop", pass_stream=True)(function)(1, 2, third=3)
    assert (handle.info.name, numbers, named) == ("shop", (1, 2), {"third": 3})


def test_before_it_arguments_may_be_given_by_name(backend):
    ((handle, numbers, _),) = streamed("shop", pass_stream=True)(positional_last)(first=1)
    assert (handle.info.name, numbers) == ("shop", (1,))


def test_a_method_is_passed_it_after_self(backend):
    ((handle, numbers, _),) = Shop().export(1)
    ((_, named, _),) = Shop().export(number=2)
    assert (handle.info.name, numbers, named) == ("shop", (1,), (2,))


def test_a_coroutine_function_is_passed_it_too(backend):
    @streamed("shop", pass_stream=True)
    async def export(stream):
        return [stream.info.name]

    assert list(by_hand(export())) == ["shop"]


def test_it_is_the_handle_that_is_current_inside_the_body(backend):
    @streamed(pass_stream=True)
    def export(stream):
        yield stream is current_stream()

    assert list(export()) == [True]


def test_with_no_backend_it_works_as_with_one():
    with _wrap._configure.forced(_wrap._configure.build(None)):
        ((handle, _, _),) = streamed("shop", pass_stream=True)(positional_first)()
        handle.set_attribute("rows", 3)
        handle.logger.info("still there")
    assert handle.id


def test_a_function_without_that_parameter_is_refused_where_it_is_decorated():
    with pytest.raises(StreaminstrError, match=r"'stream', which rows\(\) does not have"):
        streamed(pass_stream=True)(rows)


def test_an_outermost_net_forgets_the_streams_that_have_gone(backend):
    """A long response may make one for each event of its own."""
    exchange = Exchange()

    def ask():
        for _ in range(3):
            list(stream([b"a"]))

    exchange.context().run(ask)
    assert exchange.streams == {}
