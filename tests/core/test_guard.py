"""A backend or a logger that misbehaves never changes what a body gives, and is told of once."""

import logging

import pytest

from core_fakes import AsyncIterator, by_hand
from streaminstr import Outcome, _configure, current_stream, stream
from streaminstr._calls import guard
from streaminstr._wrap import settle
from streaminstr.testing import RecordingBackend

MOMENTS = ["open", "start", "close"]


class Unruly:
    """A backend that does `act` at a moment; it is its own scope."""

    def __init__(self, moment, act):
        self.moment = moment
        self.act = act
        self.calls = []

    def _called(self, moment, given):
        self.calls.append(moment)
        return self.act() if moment == self.moment else given

    def open(self, info):
        return self._called("open", self)

    def start(self):
        return self._called("start", {"unruly": "yes"})

    def close(self, report):
        return self._called("close", None)


class Unspeakable:
    """Raises wherever it is looked at."""

    def _refuse(self, *given):
        raise ArithmeticError

    __getattr__ = __repr__ = __len__ = __iter__ = __eq__ = _refuse
    __hash__ = object.__hash__


def raising(error):
    def act():
        raise error

    return act


ACTS = {
    "Exception": raising(ValueError("no")),
    "BaseException": raising(BaseException("no")),
    "SystemExit": raising(SystemExit(1)),
    "StopIteration": raising(StopIteration()),
    "GeneratorExit": raising(GeneratorExit()),
    "None": lambda: None,
    "number": lambda: 42,
    "fields of numbers": lambda: {1: 2},
    "unspeakable": Unspeakable,
}


def in_force(*backends):
    return _configure.forced(_configure.build(list(backends)))


def body():
    yield b"a"
    yield b"b"


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_body_is_unchanged_and_the_next_backend_has_it_all(errors, moment, act):
    recording = RecordingBackend()
    with in_force(Unruly(moment, act), recording):
        assert list(stream(body())) == [b"a", b"b"]
    assert recording.streams[0].events == ["open", "start", "close"]
    assert recording.streams[0].outcome is Outcome.COMPLETED


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_async_body_is_unchanged_too(errors, moment, act):
    async def drain():
        return [chunk async for chunk in stream(AsyncIterator(b"a", b"b"))]

    with in_force(Unruly(moment, act)):
        assert by_hand(drain()) == [b"a", b"b"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_exception_of_the_body_comes_out_unchanged(errors, moment):
    error = LookupError()
    with in_force(Unruly(moment, ACTS["Exception"])), pytest.raises(LookupError) as caught:
        stream(body()).throw(error)
    assert caught.value is error
    assert error.__context__ is None


@pytest.mark.parametrize(("moment", "act"), [*((moment, "Exception") for moment in MOMENTS)])
def test_each_kind_is_logged_once_and_counted(errors, caplog, moment, act):
    with in_force(Unruly(moment, ACTS[act])):
        for _ in range(3):
            list(stream(body()))
    told = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert [one.getMessage().partition(".")[0] for one in told] == [__name__.partition(".")[0]]
    assert f"Unruly.{moment}: ValueError" in told[0].getMessage()
    assert "The response goes on without it" in told[0].getMessage()
    assert told[0].exc_info[0] is ValueError
    assert list(errors.values()) == [3]


@pytest.mark.parametrize(
    ("moment", "nonsense"),
    [
        *(("open", "number"), ("open", "unspeakable")),
        *(("start", "None"), ("start", "number"), ("start", "unspeakable")),
    ],
)
def test_nonsense_is_one_kind_whatever_it_says_of_itself(errors, caplog, moment, nonsense):
    with in_force(Unruly(moment, ACTS[nonsense])):
        for _ in range(3):
            list(stream(body()))
    (kind,) = [kind for kind in errors if " returned " in kind]
    assert type(ACTS[nonsense]()).__name__ in kind
    assert errors[kind] == 3


def test_none_from_open_is_not_this_one_and_no_error(errors):
    with in_force(Unruly("open", ACTS["None"])):
        assert list(stream(body())) == [b"a", b"b"]
    assert not errors


def test_what_was_not_opened_is_not_started(errors):
    unruly = Unruly("open", ACTS["Exception"])
    with in_force(unruly):
        list(stream(body()))
    assert unruly.calls == ["open"]


def test_what_was_not_started_is_not_closed(errors):
    unruly = Unruly("start", ACTS["Exception"])
    with in_force(unruly):
        list(stream(body()))
    assert unruly.calls == ["open", "start"]


def test_what_was_started_and_gave_nonsense_is_closed(errors):
    unruly = Unruly("start", ACTS["number"])
    with in_force(unruly):
        list(stream(body()))
    assert unruly.calls == MOMENTS


def test_scopes_are_closed_in_the_reverse_order_of_their_opening():
    order = []

    class Backend(Unruly):
        def close(self, report):
            order.append(self.moment)

    with in_force(Backend("first", None), Backend("second", None)):
        list(stream(body()))
    assert order == ["second", "first"]


def test_fields_that_cannot_be_bound_break_nothing(errors):
    def bind(handle):
        raise TypeError

    config = _configure.Config(backends=(RecordingBackend(),), bind=bind)
    with _configure.forced(config):
        assert list(stream(body())) == [b"a", b"b"]
    assert list(errors.values()) == [1]


ENDS = {
    "exhausted": list,
    "closed": lambda made: (next(made), made.close()),
    "given up": lambda made: (next(made), made.give_up(), made.close()),
    "settled": lambda made: settle(made, 4),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_the_stream_is_current_where_its_scope_is_closed(errors, end):
    seen = []
    unruly = Unruly("close", lambda: seen.append(current_stream().info.name))
    with in_force(unruly):
        end(stream(body(), name="shop"))
    assert seen == ["shop"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_logger_that_raises_ends_nothing(errors, monkeypatch, error):
    def log(*arguments, **more):
        raise error

    monkeypatch.setattr(guard.logger, "error", log)
    with in_force(Unruly("close", ACTS["Exception"])):
        assert [list(stream(body())) for _ in range(2)] == [[b"a", b"b"]] * 2
    assert [errors[kind] for kind in errors if "Unruly.close" in kind] == [2]


def test_a_function_and_a_callable_object_have_names_too(errors):
    class Callable:
        def __call__(self):
            raise ValueError

    guard.guarded(raising(ValueError()), default=None)
    guard.guarded(Callable(), default=None)
    assert [kind.rpartition(".")[2] for kind in errors] == [
        "act: ValueError",
        "Callable: ValueError",
    ]


def test_what_is_guarded_gives_its_result_or_the_default(errors):
    assert guard.guarded(int, "4", default=None) == 4
    assert guard.guarded(int, "four", default=0) == 0
