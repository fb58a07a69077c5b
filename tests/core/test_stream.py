"""A stream over a sync body: lazy start, one end, and nothing of it is seen outside."""

import contextlib
import gc
import threading
from itertools import chain

import pytest

from core_fakes import Iterator, bound, in_thread, surroundings
from streaminstr import Outcome, _configure, current_stream, stream
from streaminstr._core.stream import Stream


def three():
    yield b"a"
    yield b"b"
    yield b"c"


def failing():
    yield b"a"
    msg = "no more"
    raise LookupError(msg)


def only(backend):
    (recorded,) = backend.streams
    return recorded


# The start.


def test_nothing_starts_before_the_first_step(backend):
    made = stream(three())
    assert only(backend).events == ["open"]
    next(made)
    assert only(backend).events == ["open", "start"]
    made.close()


def test_a_stream_that_is_never_stepped_is_opened_and_never_started(backend):
    stream(three()).close()
    assert only(backend).events == ["open"]


def test_a_stream_that_is_never_stepped_and_dropped_warns_nobody(backend):
    stream(three())
    assert only(backend).events == ["open"]


def test_the_body_of_a_stream_that_is_never_stepped_is_closed_with_it(backend):
    body = Iterator()
    stream(body).close()
    assert [bool(handle) for handle in body.closed_in] == [False]


def test_a_stream_gives_what_its_body_gives(backend):
    assert list(stream(three())) == [b"a", b"b", b"c"]


# The ends.


def test_exhausted_is_completed(backend):
    list(stream(three()))
    assert only(backend).outcome is Outcome.COMPLETED


def test_it_ends_inside_the_step_that_finds_the_body_exhausted(backend):
    made = stream([1])
    next(made)
    assert only(backend).is_open
    assert next(made, None) is None
    assert only(backend).is_closed


def test_after_the_end_there_is_stop_iteration_each_time(backend):
    made = stream([])
    assert [next(made, "end"), next(made, "end")] == ["end", "end"]


def test_an_exception_out_of_a_step_is_failed_and_comes_out_unchanged(backend):
    with pytest.raises(LookupError, match="no more") as caught:
        list(stream(failing()))
    assert only(backend).outcome is Outcome.FAILED
    assert only(backend).report.error is caught.value


def test_after_a_failure_there_is_stop_iteration(backend):
    made = stream(failing())
    next(made)
    with pytest.raises(LookupError):
        next(made)
    assert list(made) == []


def test_an_iter_that_raises_is_failed(backend):
    class Body:
        def __iter__(self):
            raise LookupError

    with pytest.raises(LookupError):
        next(stream(Body()))
    assert only(backend).outcome is Outcome.FAILED


def test_closed_before_its_end_is_cancelled(backend):
    made = stream(three())
    next(made)
    made.close()
    assert only(backend).outcome is Outcome.CANCELLED
    assert only(backend).report.cancelled_by is None


def test_who_closes_may_say_for_whom(backend):
    made = stream(three())
    next(made)
    made.close(cancelled_by="client")
    assert only(backend).report.cancelled_by == "client"


def test_the_first_cause_stands(backend):
    def body():
        made.close(cancelled_by="server")
        made.close(cancelled_by="client")
        yield 1

    made = stream(body())
    next(made)
    assert only(backend).report.cancelled_by == "server"


class Holder(Iterator):
    """Has a `close`, and holds what is cleaned up when it is dropped."""

    def __init__(self, generator):
        super().__init__()
        self.generator = generator

    def __next__(self):
        return next(self.generator)


def test_what_a_closed_body_holds_is_cleaned_up_inside_its_stream(backend):
    """A token that it holds across its yields can be reset there alone."""
    cleaned = []

    def rows():
        token = bound.set("in the stream")
        try:
            yield 1
        finally:
            bound.reset(token)
            cleaned.append(bool(current_stream()))

    made = stream(Holder(rows()))
    next(made)
    made.close()
    assert cleaned == [True]


def test_after_close_there_is_stop_iteration(backend):
    made = stream(three())
    next(made)
    made.close()
    assert list(made) == []


def test_closing_twice_does_nothing_more(backend):
    body = Iterator(1, 2)
    made = stream(body)
    next(made)
    made.close()
    made.close()
    assert len(body.closed_in) == 1


def test_closing_after_the_end_changes_no_outcome(backend):
    made = stream(three())
    list(made)
    made.close()
    assert only(backend).outcome is Outcome.COMPLETED


def test_closing_after_a_failure_changes_no_outcome(backend):
    made = stream(failing())
    with contextlib.suppress(LookupError):
        list(made)
    made.close()
    assert only(backend).outcome is Outcome.FAILED


def test_dropped_is_abandoned_and_warns(backend):
    made = stream(three(), name="orders.export")
    next(made)
    with pytest.warns(ResourceWarning, match=r"'orders\.export' was dropped"):
        del made
    assert only(backend).outcome is Outcome.ABANDONED


def test_dropped_in_a_cycle_is_abandoned_too(backend):
    cycle = [stream(three())]
    cycle.append(cycle)
    next(cycle[0])
    del cycle
    with pytest.warns(ResourceWarning, match="was dropped"):
        gc.collect()
    assert only(backend).outcome is Outcome.ABANDONED


def test_dropped_in_a_cycle_its_body_is_closed_inside_its_stream(backend):
    body = Iterator(1, 2)
    cycle = [stream(body, name="shop")]
    cycle.append(cycle)
    next(cycle[0])
    del cycle
    with pytest.warns(ResourceWarning, match="was dropped"):
        gc.collect()
    assert [handle.info.name for handle in body.closed_in] == ["shop"]


def test_a_body_that_refers_to_its_own_stream_keeps_nothing_alive(backend):
    """What holds the open streams must not hold their bodies: such a cycle would stay for ever."""

    class View:
        def __init__(self):
            self.rows = stream(self.body())

        def body(self):
            yield from (1, 2)

    next(View().rows)
    with pytest.warns(ResourceWarning, match="was dropped"):
        gc.collect()
    assert only(backend).outcome is Outcome.ABANDONED


def test_dropped_with_a_clean_up_that_raises_warns_all_the_same(backend, monkeypatch):
    class Body(Iterator):
        def close(self):
            raise LookupError

    raised = []
    monkeypatch.setattr("sys.unraisablehook", lambda found: raised.append(found.exc_type))
    made = stream(Body(1, 2))
    next(made)
    with pytest.warns(ResourceWarning, match="was dropped"):
        del made
    assert raised == [LookupError]
    assert only(backend).outcome is Outcome.ABANDONED


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()])
def test_a_worker_that_is_told_to_stop_inside_a_step_is_cancelled_by_the_server(backend, error):
    with pytest.raises(type(error)):
        list(stream(Iterator(error=error)))
    assert only(backend).outcome is Outcome.CANCELLED
    assert only(backend).report.cancelled_by == "server"


def test_a_generator_exit_out_of_a_step_is_cancelled(backend):
    with pytest.raises(GeneratorExit):
        list(stream(Iterator(error=GeneratorExit())))
    assert only(backend).outcome is Outcome.CANCELLED


def test_the_context_manager_closes(backend):
    with stream(three()) as made:
        next(made)
    assert only(backend).outcome is Outcome.CANCELLED


# The body's own clean-up.


def test_a_generator_body_cleans_up_inside_its_stream(backend):
    seen = []

    def body():
        try:
            yield 1
        finally:
            seen.append((current_stream().info.name, backend.current.events[-1]))

    with stream(body(), name="shop") as made:
        next(made)
    assert seen == [("shop", "start")]


def test_what_has_no_close_is_dropped_inside_its_stream(backend):
    """`chain` has none: the generator in it is cleaned up when nothing holds it any longer."""
    seen = []

    def body():
        token = bound.set("by the body")
        try:
            yield 1
        finally:
            bound.reset(token)
            seen.append(current_stream().info.name)

    made = stream(chain(body(), [2]), name="rows")
    next(made)
    made.close()
    assert seen == ["rows"]


def test_an_iterator_body_is_closed_inside_its_stream_before_the_scope(backend):
    class Body(Iterator):
        def close(self):
            super().close()
            assert backend.current.events[-1] == "start"

    body = Body(1, 2)
    with stream(body) as made:
        next(made)
    assert [handle.info.name for handle in body.closed_in] == [made._life.handle.info.name]


def test_a_body_whose_iter_is_a_generator_cleans_up_once_and_before_the_scope(backend):
    class Body:
        seen = ()

        def __iter__(self):
            try:
                yield from (1, 2)
            finally:
                self.seen += (backend.current.events[-1],)

    body = Body()
    with stream(body) as made:
        next(made)
    assert body.seen == ("start",)


def test_an_iterator_that_only_its_body_owns_is_left_open(backend):
    class Body:
        rows = Iterator(1, 2)

        def __iter__(self):
            return self.rows

    with stream(Body()) as made:
        next(made)
    assert Body.rows.closed_in == []


def test_an_iterator_body_that_failed_is_closed_by_close(backend):
    body = Iterator(error=LookupError())
    made = stream(body)
    with pytest.raises(LookupError):
        next(made)
    assert body.closed_in == []
    made.close()
    assert len(body.closed_in) == 1


def test_an_error_of_the_clean_up_comes_out_of_close_and_the_scope_is_closed(backend):
    class Body(Iterator):
        def close(self):
            raise LookupError

    made = stream(Body(1, 2))
    next(made)
    with pytest.raises(LookupError):
        made.close()
    assert only(backend).outcome is Outcome.CANCELLED


def test_a_runtime_error_of_the_clean_up_is_not_taken_for_a_running_step(backend):
    class Body(Iterator):
        def close(self):
            msg = "mine"
            raise RuntimeError(msg)

    made = stream(Body(1, 2))
    next(made)
    with pytest.raises(RuntimeError, match="mine"):
        made.close()


def test_a_clean_up_that_closes_its_own_stream_does_no_harm(backend):
    class Body(Iterator):
        def close(self):
            super().close()
            made.close()

    body = Body(1, 2)
    made = stream(body)
    next(made)
    made.close()
    assert len(body.closed_in) == 1


# The step.


def test_the_stream_is_current_inside_a_step_and_nowhere_else(backend):
    seen = []

    def body():
        seen.append(current_stream().info.name)
        yield 1

    made = stream(body(), name="shop")
    next(made)
    assert seen == ["shop"]
    assert not current_stream()
    made.close()


def test_the_callers_context_is_unchanged_by_each_step(backend):
    def body():
        bound.set("by the body")
        yield 1
        bound.set("again")
        yield 2

    before = surroundings()
    made = stream(body())
    after = [surroundings() for _ in made]
    made.close()
    assert [*after, surroundings()] == [before] * 3


def test_a_step_sees_what_was_bound_where_the_stream_was_made_and_what_it_bound_itself(backend):
    seen = []

    def body():
        seen.append(bound.get())
        bound.set("own")
        yield 1
        seen.append(bound.get())

    token = bound.set("request")
    made = stream(body())
    bound.reset(token)
    list(made)
    assert seen == ["request", "own"]


def test_steps_may_come_from_several_threads(backend):
    seen = []

    def body():
        for number in range(3):
            seen.append((number, bound.get()))
            bound.set(f"step {number}")
            yield number

    made = stream(body())
    assert [in_thread(next, made, None) for _ in range(4)] == [0, 1, 2, None]
    assert seen == [(0, "unbound"), (1, "step 0"), (2, "step 1")]


def test_interleaved_streams_do_not_mix(backend):
    def body(name):
        for _ in range(3):
            yield name == current_stream().info.name == backend.current.name

    streams = [stream(body(name), name=name) for name in "ab"]
    assert all(first and second for first, second in zip(*streams, strict=True))


def test_a_stream_made_and_stepped_in_a_step_is_a_child(backend):
    def outer():
        inner = stream(three(), name="inner")
        next(inner)
        yield current_stream().info.name
        inner.close()

    assert list(stream(outer(), name="outer")) == ["outer"]
    assert [(one.name, one.parent and one.parent.name) for one in backend.streams] == [
        ("outer", None),
        ("inner", "outer"),
    ]


def test_a_stream_may_be_the_body_of_a_stream(backend):
    inner = stream(three())
    with stream(inner) as made:
        assert next(made) == b"a"
    assert [one.outcome for one in backend.streams] == [Outcome.CANCELLED] * 2


def test_a_second_step_at_the_same_time_raises_and_does_the_first_no_harm(backend):
    def body():
        with pytest.raises(RuntimeError):
            next(made)
        yield 1

    made = stream(body())
    assert list(made) == [1]
    assert only(backend).outcome is Outcome.COMPLETED


# Close while a step is running.


@contextlib.contextmanager
def step_in_a_thread(body_of):
    """A stream in the midst of its second step, in a thread that goes on when the block ends."""
    inside, go_on = threading.Event(), threading.Event()
    results = []

    def body():
        yield 0
        inside.set()
        go_on.wait(30)
        yield from body_of()

    def step():
        try:
            results.append(next(made, "end"))
        except LookupError as error:
            results.append(error)

    made = stream(body())
    next(made)
    thread = threading.Thread(target=step)
    thread.start()
    inside.wait(30)
    yield made, results
    go_on.set()
    thread.join(30)


def test_close_during_a_step_in_another_thread_ends_the_stream_when_that_step_returns(backend):
    with step_in_a_thread(three) as (made, results):
        made.close(cancelled_by="client")
        assert only(backend).is_open
    assert results == [b"a"]
    assert only(backend).outcome is Outcome.CANCELLED
    assert only(backend).report.chunks == 2
    assert list(made) == []


def test_giving_up_closes_the_scope_over_the_head_of_a_step(backend):
    with step_in_a_thread(three) as (made, results):
        made.close(cancelled_by="server")
        made.give_up()
        assert only(backend).outcome is Outcome.CANCELLED
        assert only(backend).report.chunks == 1
    assert results == [b"a"]
    assert only(backend).report.cancelled_by == "server"


def test_a_step_that_fails_after_close_was_asked_for_is_failed(backend):
    with step_in_a_thread(lambda: Iterator(error=LookupError())) as (made, results):
        made.close()
    assert isinstance(results[0], LookupError)
    assert only(backend).outcome is Outcome.FAILED


def test_a_step_that_finds_the_end_after_close_was_asked_for_is_completed(backend):
    with step_in_a_thread(list) as (made, results):
        made.close()
    assert results == ["end"]
    assert only(backend).outcome is Outcome.COMPLETED


def test_an_iterator_body_is_closed_by_the_step_that_close_could_not_interrupt(backend):
    class Body(Iterator):
        def __next__(self):
            made.close()
            return super().__next__()

    body = Body(1, 2)
    made = stream(body)
    assert next(made) == 1
    assert len(body.closed_in) == 1
    assert list(made) == []


@pytest.mark.parametrize("error", [None, LookupError()])
def test_an_iterator_body_is_closed_too_where_that_step_is_the_last(backend, error):
    class Body(Iterator):
        def __next__(self):
            made.close()
            return super().__next__()

    body = Body(error=error)
    made = stream(body)
    with contextlib.suppress(LookupError):
        assert next(made, "end") == "end"
    assert len(body.closed_in) == 1


def test_close_from_another_thread_between_steps(backend):
    made = stream(three())
    next(made)
    in_thread(made.close)
    assert only(backend).outcome is Outcome.CANCELLED


def test_a_body_may_close_its_own_stream(backend):
    def body():
        made.close()
        yield from (1, 2)

    made = stream(body())
    assert list(made) == [1]
    assert only(backend).outcome is Outcome.CANCELLED


# `send` and `throw`.


def echo():
    got = None
    while got != "stop":
        try:
            got = yield got
        except LookupError:
            got = "caught"
    return "over"


def test_send_passes_through(backend):
    made = stream(echo())
    next(made)
    assert [made.send("a"), made.send("b"), next(made)] == ["a", "b", None]
    made.close()


def test_send_before_the_first_step_starts_the_stream(backend):
    made = stream(echo())
    assert made.send(None) is None
    assert only(backend).events == ["open", "start"]
    made.close()


class Sent(Iterator):
    """An iterator with a `send` of its own, for which None is a value as any other."""

    def send(self, value):
        return f"sent {value}"


def test_send_of_none_is_the_bodys_own_where_it_has_one(backend):
    made = stream(Sent(1, 2))
    assert [next(made), made.send(None), made.send(7), next(made)] == [1, "sent None", "sent 7", 2]
    made.close()


def test_send_of_none_is_a_step_where_the_body_has_no_send(backend):
    made = stream([1, 2])
    assert [made.send(None), made.send(None)] == [1, 2]
    made.close()


def test_a_body_that_returns_from_send_is_exhausted(backend):
    made = stream(echo())
    next(made)
    with pytest.raises(StopIteration):
        made.send("stop")
    assert only(backend).outcome is Outcome.COMPLETED


def test_throw_passes_through_and_may_be_caught(backend):
    made = stream(echo())
    next(made)
    assert made.throw(LookupError()) == "caught"
    made.close()
    assert only(backend).report.chunks == 2


def test_what_is_thrown_and_not_caught_is_failed(backend):
    made = stream(echo())
    next(made)
    error = ValueError()
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - it is this very object
        made.throw(error)
    assert caught.value is error
    assert only(backend).report.error is error


def test_throw_before_the_first_step_starts_the_stream_and_fails_it(backend):
    with pytest.raises(LookupError):
        stream(echo()).throw(LookupError())
    assert only(backend).outcome is Outcome.FAILED


def test_what_is_thrown_into_a_body_without_throw_is_raised_and_the_body_goes_on(backend):
    made = stream(iter([b"one"]))
    with pytest.raises(LookupError):
        made.throw(LookupError())
    assert list(made) == [b"one"]
    assert only(backend).outcome is Outcome.COMPLETED


def test_throw_after_the_end_raises_what_is_thrown(backend):
    made = stream(three())
    list(made)
    with pytest.raises(LookupError):
        made.throw(LookupError())
    assert only(backend).outcome is Outcome.COMPLETED


def test_send_after_the_end_is_stop_iteration(backend):
    made = stream(three())
    list(made)
    with pytest.raises(StopIteration):
        made.send(None)


def test_a_generator_may_delegate_to_a_stream(backend):
    def outer(made):
        yield from made

    delegating = outer(stream(echo()))
    next(delegating)
    assert delegating.send("a") == "a"
    assert delegating.throw(LookupError()) == "caught"
    delegating.close()
    assert only(backend).outcome is Outcome.CANCELLED


# What else a stream is.


def test_a_stream_is_an_iterator(backend):
    made = stream([])
    assert iter(made) is made
    assert isinstance(made, Stream)


def test_a_list_a_mapping_and_an_old_style_sequence_are_bodies(backend):
    class Sequence:
        def __getitem__(self, index):
            return "ab"[index]

    assert [list(stream(body)) for body in ([1], {2: 3}, Sequence())] == [[1], [2], ["a", "b"]]


def test_the_handle_takes_attributes_to_the_report(backend):
    def body():
        current_stream().set_attribute("shop.rows", 3)
        yield 1

    list(stream(body(), attributes={"shop.kind": "csv"}))
    assert only(backend).report.as_attributes()["shop.rows"] == 3
    assert only(backend).info.attributes == {"shop.kind": "csv"}


def test_the_handle_carries_the_fields_of_the_backend(backend):
    seen = []

    def body():
        seen.append(dict(current_stream().fields))
        yield 1

    with _configure.forced(_configure.assemble((backend,))):
        list(stream(body()))
    assert seen == [only(backend).fields]


def test_the_handle_has_one_logger(backend):
    def body():
        yield current_stream().logger is current_stream().logger

    assert list(stream(body())) == [True]
