"""RATIO and FILTER of one backend: it takes some of the streams, the others and the log all."""

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

import streaminstr
from streaminstr import StreaminstrError, _configure, stream
from streaminstr._calls import guard
from streaminstr._sifted import Sifted, plain, sift
from streaminstr.log import LogBackend
from streaminstr.testing import RecordingBackend

MIDDLE = 2**63
"""The number at which a ratio of a half ends."""


class Traced(RecordingBackend):
    """A backend that knows the current trace."""

    gap_bounds = (1.0,)

    def __init__(self, trace_id=None):
        super().__init__()
        self.now, self.refusals = trace_id, []

    def trace_id(self):
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def flush(self, timeout):
        self.flushes.append(timeout)

    def refused(self, info):
        self.refusals.append(info)


class Odd:
    """A backend whose `open` returns no scope."""

    def open(self, info):
        return 7


def entry(backend, **more):
    return {"BACKEND": backend, **more}


def force(*choice, **options):
    return _configure.forced(_configure.build(list(choice), **options))


def draw(monkeypatch, *numbers):
    """The ids of the next streams."""
    drawn = iter(numbers)
    monkeypatch.setattr(
        "streaminstr._wrap.urandom", lambda count: next(drawn).to_bytes(count, "big")
    )


@pytest.mark.parametrize(
    ("trace_id", "count"),
    [
        (MIDDLE - 1, 1),
        (MIDDLE, 0),
        (7 << 64 | (MIDDLE - 1), 1),
        (7 << 64 | MIDDLE, 0),
    ],
)
def test_the_lowest_64_bits_of_the_trace_decide(trace_id, count):
    backend = Traced(trace_id)
    with force(entry(backend, RATIO=0.5)):
        list(stream([b"a"]))
    assert len(backend.closed) == count


@pytest.mark.parametrize("trace_id", [None, 0, "1", ValueError()])
def test_without_a_trace_the_draw_is_one_for_all_backends_of_a_stream(trace_id, monkeypatch):
    monkeypatch.setattr(guard, "errors", guard.Counter())
    first, second = Traced(trace_id), RecordingBackend()
    draw(monkeypatch, MIDDLE - 1, MIDDLE)
    with force(entry(first, RATIO=0.5), entry(second, RATIO=0.5)):
        assert [list(stream([b"a"], name=name)) for name in "ab"] == [[b"a"]] * 2
    assert [[one.name for one in backend.closed] for backend in (first, second)] == [["a"], ["a"]]
    assert [one.rpartition(".")[2] for one in guard.errors] == (
        ["trace_id: ValueError"] if isinstance(trace_id, Exception) else []
    )


@pytest.mark.parametrize(("ratio", "count"), [(0, 0), (0.0, 0), (1, 1), (1.0, 1), (None, 1)])
def test_none_and_all(ratio, count, monkeypatch):
    backend = RecordingBackend()
    draw(monkeypatch, 2**64 - 1)
    with force(entry(backend, RATIO=ratio)):
        list(stream([b"a"]))
    assert len(backend.closed) == count


def test_the_others_and_the_closing_event_are_left_alone():
    some, every = RecordingBackend(), RecordingBackend()
    with capture_logs() as lines, force(entry(some, RATIO=0), every):
        list(stream([b"a"], name="orders"))
    assert (len(some.streams), len(every.closed)) == (0, 1)
    assert [line["event"] for line in lines] == ["stream_closed"]


def test_what_it_does_not_take_costs_no_error(monkeypatch):
    monkeypatch.setattr(guard, "errors", guard.Counter())
    with force(entry(RecordingBackend(), RATIO=0)):
        list(stream([b"a"]))
    assert not guard.errors


def test_a_wrong_scope_is_the_backends_own(monkeypatch):
    monkeypatch.setattr(guard, "errors", guard.Counter())
    with force(entry(Odd(), RATIO=1)):
        list(stream([b"a"]))
    assert [one.partition(":")[0].split(".")[-2:] for one in guard.errors] == [["Odd", "open"]]


def test_a_backend_that_takes_some_is_flushed_and_counts_refusals_and_gaps():
    backend = Traced()
    sifted = Sifted(backend, 0.5, None)
    with force(entry(backend, RATIO=0.5)) as config:
        streaminstr.shutdown()
        assert config.gap_bounds == (1.0,)
    sifted.refused("info")
    assert (len(backend.flushes), backend.refusals) == (1, ["info"])
    assert plain(sifted) is plain(backend) is backend


def test_a_backend_that_can_do_none_of_that_is_asked_for_none():
    sifted = Sifted(SimpleNamespace(), 0.5, None)
    sifted.flush(1.0)
    sifted.refused("info")
    assert sifted.gap_bounds == ()


# FILTER, as the adapters ask it.


def odd(request, response):
    return request % 2 == 1


def refuse(request, response):
    return False


def raising(request, response):
    raise ValueError


def test_a_filter_leaves_out_its_own_backend_alone():
    first, second = RecordingBackend(), RecordingBackend()
    config = _configure.build([entry(first, FILTER=odd), second])
    assert [plain(one) for one in sift(config, None, 1, None).backends[:2]] == [first, second]
    assert [plain(one) for one in sift(config, None, 2, None).backends[:1]] == [second]
    assert isinstance(sift(config, None, 2, None).backends[-1], LogBackend)
    assert sift(config, None, 1, None) is config


def test_the_filter_of_all_leaves_out_all():
    config = _configure.build(RecordingBackend())
    assert sift(config, refuse, 1, None).backends == ()


def test_a_filter_that_raises_leaves_nothing_out(monkeypatch):
    monkeypatch.setattr(guard, "errors", guard.Counter())
    config = _configure.build([entry(RecordingBackend(), FILTER=raising)])
    assert sift(config, raising, 1, None) is config
    assert sum(guard.errors.values()) == 2


def test_a_stream_without_a_response_is_not_asked_about():
    backend = RecordingBackend()
    with force(entry(backend, FILTER=refuse)):
        list(stream([b"a"]))
    assert len(backend.closed) == 1


# What is refused.


class Rows:
    """A filter as an object."""

    def __call__(self, request):
        """One parameter too few."""


async def later(request, response):
    """Is awaited by no one."""


def keywords(request, response, *, site):
    """Takes more than there is."""


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"RATIO": 5}, "It takes a number from 0 to 1"),
        ({"RATIO": -0.1}, "It takes a number from 0 to 1"),
        ({"RATIO": float("nan")}, "It takes a number from 0 to 1"),
        ({"RATIO": True}, "It takes a number from 0 to 1"),
        ({"RATIO": "0.5"}, "It takes a number from 0 to 1"),
        ({"FILTER": 7}, "is 7. It takes a function (request, response) -> bool"),
        ({"FILTER": "shop.wanted"}, "is 'shop.wanted', which cannot be imported: No module"),
        ({"FILTER": "os.wanted"}, "which cannot be imported: module 'os' has no attribute"),
        ({"FILTER": "os..path"}, "which cannot be imported: "),
        ({"FILTER": lambda request: True}, "and is called with (request, response)"),
        ({"FILTER": Rows()}, "(request), and is called with (request, response)"),
        ({"FILTER": keywords}, "(request, response, *, site), and is called with"),
        ({"FILTER": later}, "is the coroutine function later, which is not awaited"),
        ({"FILTER": 7, "RATIO": 5}, "from 0 to 1: 0.05 is one stream in twenty."),
        ({"RATE": 0.5}, "and not 'RATE'. Did you mean 'RATIO'?"),
    ],
)
def test_what_cannot_choose_is_refused(more, message):
    with pytest.raises(StreaminstrError) as caught:
        _configure.build([entry(RecordingBackend, **more)])
    assert message in str(caught.value)


@pytest.mark.parametrize("function", [odd, "operator.eq", max, dict.get, print, None])
def test_what_can_be_called_with_a_request_and_a_response_is_taken(function):
    _configure.build([entry(RecordingBackend, FILTER=function)])
    _configure.build(RecordingBackend, filter=function)


@pytest.mark.parametrize("more", [{"RATIO": 0.5}, {"FILTER": odd}])
def test_the_event_of_each_stream_is_not_a_matter_of_choice(more):
    with pytest.raises(StreaminstrError, match="The log backend logs every stream"):
        _configure.build([RecordingBackend(), entry("log", **more)])


def test_inside_of_another_the_nearest_counts():
    inner = entry(entry(RecordingBackend(), RATIO=0), FILTER=odd)
    (sifted, _) = _configure.build(inner).backends
    assert sifted.filter is odd
    with _configure.forced(_configure.build(inner)):
        list(stream([b"a"]))
    assert sifted.backend.streams == []
