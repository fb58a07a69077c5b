"""RecordingBackend: what a test sees of streams, without a vendor."""

import subprocess
import sys

import pytest

import streaminstr
from streaminstr._configure import build, forced
from streaminstr.testing import RecordingBackend


@pytest.fixture
def backend():
    recording = RecordingBackend()
    with forced(build(recording)):
        yield recording


def chunks():
    yield b"one"
    yield b"two"


def test_a_stream_that_is_made_is_recorded_before_it_starts(backend):
    streaminstr.stream(chunks(), name="orders")
    (recorded,) = backend.streams
    assert (recorded.name, recorded.events, recorded.outcome) == ("orders", ["open"], None)
    assert (backend.started, backend.still_open, backend.closed) == ([], [], [])


def test_a_stream_is_open_from_its_first_step_to_its_end(backend):
    stream = streaminstr.stream(chunks())
    next(stream)
    assert backend.started == backend.still_open == backend.streams
    stream.close()
    assert backend.started == backend.closed == backend.streams
    assert backend.still_open == []


def test_the_calls_are_kept_in_their_order_with_what_they_said(backend):
    assert list(streaminstr.stream(chunks())) == [b"one", b"two"]
    (recorded,) = backend.streams
    assert recorded.events == ["open", "start", "close"]
    assert (recorded.outcome, recorded.report.bytes) == ("completed", 6)


def test_ids_are_numbers_in_the_order_of_making(backend):
    list(streaminstr.stream(chunks()))
    list(streaminstr.stream(chunks()))
    assert [stream.span_id for stream in backend.streams] == [f"{1:016x}", f"{2:016x}"]
    assert backend.streams[1].fields == {"trace_id": f"{2:032x}", "span_id": f"{2:016x}"}


def outer():
    yield from streaminstr.stream(chunks(), name="inner")


def test_a_stream_made_in_a_step_hangs_under_the_one_it_was_made_in(backend):
    list(streaminstr.stream(outer(), name="outer"))
    above, below = backend.streams
    assert (above.parent, below.parent, below.link) == (None, above, None)
    assert above.trace_id == below.trace_id


def test_a_linked_stream_has_a_trace_of_its_own():
    backend = RecordingBackend()
    with forced(build(backend, parent="link")):
        list(streaminstr.stream(outer(), name="outer"))
    above, below = backend.streams
    assert (below.parent, below.link) == (None, above)
    assert above.trace_id != below.trace_id


def test_the_stream_whose_step_is_running_is_current(backend):
    def looking():
        yield backend.current

    (seen,) = streaminstr.stream(looking())
    assert seen is backend.streams[0]
    assert backend.current is None


def test_progress_and_flush_are_recorded(backend):
    stream = streaminstr.stream(chunks())
    next(stream)
    backend.streams[0].progress(stream.report())
    backend.flush(2.5)
    stream.close()
    assert backend.streams[0].events == ["open", "start", "progress", "close"]
    assert [report.chunks for report in backend.streams[0].progress_reports] == [1]
    assert backend.flushes == [2.5]


def test_clear_forgets(backend):
    list(streaminstr.stream(chunks()))
    backend.flush(1.0)
    backend.clear()
    assert (backend.streams, backend.flushes) == ([], [])


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        streaminstr.testing.Nothing  # noqa: B018 - asking is the point


@pytest.mark.parametrize(
    ("imported", "never"),
    [
        ("from streaminstr.testing import RecordingBackend", {"pytest", "asyncio"}),
        ("import streaminstr.testing.plugin", {"django", "ddtrace", "opentelemetry", "structlog"}),
    ],
)
def test_importing_is_light(imported, never):
    code = f"import sys; {imported}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.check_output(command, text=True).split()  # noqa: S603 - our own interpreter
    assert never.isdisjoint(loaded)
