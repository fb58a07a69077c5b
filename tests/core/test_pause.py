"""`pause` and `resume`: no scope is opened meanwhile, and open streams finish as they began."""

import pytest

import streaminstr
from streaminstr import StreaminstrError, _configure, current_stream, stream
from streaminstr._core.scopes import open_scopes
from streaminstr.testing import RecordingBackend
from streaminstr.types import StreamInfo

SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing is configured or paused."""
    monkeypatch.setattr(_configure, "_state", _configure._State())


@pytest.fixture
def backend():
    recording = RecordingBackend()
    streaminstr.configure(recording, log_levels=SILENT)
    return recording


def names(backend):
    return [one.name for one in backend.closed]


def test_meanwhile_no_scope_is_opened(backend):
    list(stream([b"a"], name="before"))
    streaminstr.pause()
    streaminstr.pause()
    assert list(stream([b"a"], name="meanwhile")) == [b"a"]
    streaminstr.resume()
    list(stream([b"a"], name="after"))
    assert names(backend) == ["before", "after"]


def test_what_is_open_finishes_as_it_began(backend):
    made = stream(iter([b"a", b"b"]), name="open")
    next(made)
    streaminstr.pause()
    assert list(made) == [b"b"]
    assert [one.outcome for one in backend.closed] == ["completed"]


def test_a_stream_that_was_made_meanwhile_stays_without_a_scope(backend):
    streaminstr.pause()
    made = stream([b"a"])
    streaminstr.resume()
    assert list(made) == [b"a"]
    assert backend.streams == []


def test_a_body_that_uses_its_stream_works_meanwhile(backend):
    def body():
        current_stream().set_attribute("rows", 1)
        current_stream().logger.info("row")
        yield b"a"

    streaminstr.pause()
    assert list(stream(body())) == [b"a"]


def test_what_is_buffered_is_still_sent(backend):
    backend.flush = backend.flushes.append
    streaminstr.pause()
    streaminstr.shutdown()
    assert len(backend.flushes) == 1


def test_what_is_forced_in_a_test_is_paused_as_well():
    recording = RecordingBackend()
    with _configure.forced(_configure.build(recording)):
        streaminstr.pause()
        list(stream([b"a"]))
        streaminstr.resume()
        list(stream([b"a"], name="after"))
    assert names(recording) == ["after"]


def test_the_option_builds_the_backends_and_opens_nothing_before_resume():
    recording = RecordingBackend()
    streaminstr.configure(recording, log_levels=SILENT, paused=True)
    list(stream([b"a"], name="before"))
    assert _configure.configured().backends == (recording,)
    streaminstr.resume()
    list(stream([b"a"], name="after"))
    assert names(recording) == ["after"]


def test_configure_begins_as_it_says(backend):
    streaminstr.pause()
    streaminstr.configure(backend, log_levels=SILENT)
    list(stream([b"a"], name="after"))
    assert names(backend) == ["after"]


def test_without_a_backend_there_is_nothing_to_resume():
    streaminstr.configure(None)
    streaminstr.pause()
    with pytest.raises(StreaminstrError, match='write a BACKEND and "PAUSED": True'):
        streaminstr.resume()


@pytest.mark.parametrize(
    ("options", "looks", "controls"),
    [
        ({"progress_interval": 60}, False, False),
        ({"progress_interval": 60, "max_age": 60}, True, True),
        ({"max_stall": 60}, True, True),
        ({"drain": 20}, False, True),
        ({}, False, False),
    ],
)
def test_what_observes_is_off_and_what_controls_goes_on(options, looks, controls):
    streaminstr.configure("log", log_levels={"opened": "info"}, **options)
    streaminstr.pause()
    config = _configure.current()
    assert (config.announce, config.gap_bounds, config.progress_interval) == (None, (), None)
    assert (config.look_after is not None, bool(config.backends)) == (looks, controls)
    assert open_scopes(config.backends, StreamInfo(name="export")) == []
    assert config.max_age == options.get("max_age")
    assert _configure.current() is config


def test_whether_it_is_paused_can_be_asked(backend):
    asked = [_configure.is_paused()]
    streaminstr.pause()
    asked.append(_configure.is_paused())
    streaminstr.configure(None, paused=True)
    asked.append(_configure.is_paused())
    streaminstr.configure(backend, paused=True)
    asked.append(_configure.is_paused())
    assert asked == [False, True, False, True]
