"""Progress of long streams (`progress_interval`): what is shown, when, and by whom."""

import logging
import os
from contextvars import copy_context
from threading import Event, current_thread, get_ident
from time import perf_counter as clock
from types import SimpleNamespace

import pytest

import streaminstr
from streaminstr import _configure
from streaminstr._core.life import open_lives
from streaminstr._process import progress
from streaminstr._wrap import make_handle
from streaminstr._wrap import push as push_stream
from streaminstr.testing import RecordingBackend

OFTEN = 0.01
NEVER = 3600.0


@pytest.fixture
def watch(monkeypatch):
    """A watch of this test's own, whose thread is never started: turns come by `show_due`."""
    watch = progress._Clockwork()
    watch.ensure = lambda: None
    monkeypatch.setattr(progress, "_clockwork", watch)
    return watch


@pytest.fixture
def backend():
    return RecordingBackend()


@pytest.fixture
def open_stream(backend, force):
    def make(body=(b"one", b"two"), interval=NEVER, **options):
        force([backend], progress_interval=interval, **options)
        made = streaminstr.stream(body, name="s")
        next(made)
        return made

    return make


def make_due():
    for life in open_lives():
        life.handle.progress.due = 0.0


def show():
    make_due()
    progress.show_due()


def test_no_thread_unless_somebody_asks(watch, backend, force):
    force([backend])
    with streaminstr.stream([b"one", b"two"]) as made:
        next(made)
        assert [life.handle.progress for life in open_lives()] == [None]
        assert progress.show_due() == float("inf")


def test_numbers_so_far(watch, backend, open_stream):
    with open_stream([b"one", b"two"]):
        show()
    (report,) = backend.streams[0].progress_reports
    assert (report.chunks, report.bytes) == (1, 3)
    assert "streaminstr.outcome" not in report.as_attributes()


def test_a_later_turn_does_not_wake_the_thread(watch, open_stream):
    watch.planned = 0.0
    with open_stream():
        assert not watch.wake.is_set()


def test_a_turn_comes_once_in_an_interval(watch, backend, open_stream):
    with open_stream():
        assert progress.show_due() > 0
        show()
        assert progress.show_due() > 0
    assert len(backend.streams[0].progress_reports) == 1


def test_stalled_client(watch, backend, open_stream):
    with open_stream():
        show()
    assert backend.streams[0].progress_reports[0].stalled == "consumer"


def test_stalled_producer(watch, backend, open_stream):
    """Shown from the middle of a step, as another thread would see it."""

    def body():
        yield b"one"
        show()
        yield b"two"

    with open_stream(body()) as made:
        next(made)
    assert backend.streams[0].progress_reports[0].stalled == "producer"


async def test_stalled_async_producer(watch, backend, force):
    async def body():
        yield b"one"
        show()
        yield b"two"

    force([backend], progress_interval=NEVER)
    async with streaminstr.stream(body()) as made:
        await anext(made)
        show()
        await anext(made)
    assert [report.stalled for report in backend.streams[0].progress_reports] == [
        "consumer",
        "producer",
    ]


def test_at_the_end_nobody_is_stalled(watch, backend, open_stream):
    open_stream().close()
    assert backend.streams[0].report.stalled is None


def test_never_after_close(watch, backend, open_stream):
    made = open_stream()
    life = next(iter(open_lives()))
    made.close()
    progress._show(life)
    assert backend.streams[0].events == ["open", "start", "close"]


def test_a_stream_that_was_dropped_is_not_shown(watch, backend, open_stream):
    made = open_stream()
    life = next(iter(open_lives()))
    with pytest.warns(ResourceWarning):
        del made
    progress._show(life)
    assert "progress" not in backend.streams[0].events


def test_close_waits_for_a_progress_that_is_running(watch, backend, force):
    """No call to a scope while another one is running (StreamScope)."""
    from threading import Thread  # noqa: PLC0415

    entered, leave = Event(), Event()

    class Slow(RecordingBackend):
        def open(self, info):
            scope = super().open(info)
            inner = scope.progress

            def progress(report):
                entered.set()
                assert leave.wait(10)
                inner(report)

            scope.progress = progress
            return scope

    slow = Slow()
    force([slow], progress_interval=NEVER)
    made = streaminstr.stream([b"one", b"two"])
    next(made)
    shower, closer = Thread(target=show), Thread(target=made.close)
    shower.start()
    assert entered.wait(10)
    closer.start()
    assert slow.streams[0].report is None
    leave.set()
    shower.join()
    closer.join()
    assert slow.streams[0].events == ["open", "start", "progress", "close"]


def test_a_stream_dropped_while_it_is_shown_ends_after_that(watch, backend, open_stream):
    """By the very thread that shows it, which must not wait for itself."""
    held = [open_stream()]
    scope = backend.streams[0]
    shown = scope.progress

    def progress(report):
        held.clear()
        shown(report)

    scope.progress = progress
    with pytest.warns(ResourceWarning):
        show()
    assert scope.events == ["open", "start", "progress", "close"]


def test_what_is_pushed_is_shown_too(watch, backend, force):
    """An ASGI application that sends its chunks by itself, while the server takes one of them."""
    config = force([backend], progress_interval=NEVER)
    handle = make_handle(config, "s", None)

    def push():
        pushed = push_stream(handle, config, None, clock())
        pushed.push(b"one", clock())
        show()
        pushed.resume()
        show()
        pushed.finish()

    copy_context().run(push)  # it is current where it is pushed
    reports = backend.streams[0].progress_reports
    assert [report.stalled for report in reports] == ["consumer", "producer"]
    assert reports[0].bytes == 3


def test_log_event_with_ids_and_numbers(watch, open_stream, caplog, monkeypatch):
    monkeypatch.setattr("streaminstr.log.structured.installed", lambda: None)
    caplog.set_level(logging.INFO, "streaminstr")
    with open_stream():
        show()
    (record,) = [one for one in caplog.records if one.getMessage().startswith("stream_progress")]
    fields = vars(record)
    assert (fields["stream"], fields["trace_id"]) == ("s", f"{1:032x}")
    assert fields["streaminstr.stalled"] == "consumer"


def test_scope_that_raises_is_shown_again(watch, backend, open_stream, caplog):
    with open_stream():
        backend.streams[0].progress = SimpleNamespace()  # not even callable
        show()
        show()
    assert backend.streams[0].report is not None
    assert sum(streaminstr._calls.guard.errors.values()) == 2
    streaminstr._calls.guard.errors.clear()


def test_scope_without_progress_is_left_alone(watch, force):
    force("log", progress_interval=NEVER, log_levels={"cancelled": None})
    with streaminstr.stream([b"one", b"two"]) as made:
        next(made)
        show()


class Signal(RecordingBackend):
    """Says from which thread it was shown."""

    def __init__(self):
        super().__init__()
        self.shown, self.threads = Event(), set()

    def open(self, info):
        scope = super().open(info)
        scope.progress = self.progress
        return scope

    def progress(self, report):
        self.threads.add(current_thread())
        self.shown.set()


@pytest.fixture
def living(monkeypatch):
    """A watch with its thread."""
    watch = progress._Clockwork()
    monkeypatch.setattr(progress, "_clockwork", watch)
    return watch


def test_one_daemon_thread_shows_every_stream(living, force):
    backends = [Signal(), Signal()]
    force(backends, progress_interval=OFTEN)
    with streaminstr.stream([b"", b""]) as one, streaminstr.stream([b"", b""]) as other:
        next(one), next(other)
        assert all(backend.shown.wait(10) for backend in backends)
    assert backends[0].threads == backends[1].threads == {living.thread}
    assert living.thread.daemon
    assert living.thread.ident != get_ident()


def test_a_shorter_interval_does_not_wait_for_a_longer_one(living, force):
    force([RecordingBackend()], progress_interval=NEVER)
    with streaminstr.stream([b"", b""]) as slow:
        next(slow)
        hurried = Signal()
        force([hurried], progress_interval=OFTEN)
        with streaminstr.stream([b"", b""]) as quick:
            next(quick)
            assert hurried.shown.wait(10)


def test_a_forked_child_forgets_the_thread_and_the_locks(living):
    progress._forget()
    assert progress._clockwork is not living
    assert progress._clockwork.thread is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_starts_a_thread_of_its_own(living, force):
    """Also where the parent was about to start one, and held the lock for it."""
    force([Signal()], progress_interval=NEVER)
    with streaminstr.stream([b"", b""]) as made, living.starting:
        living.ensure = lambda: None
        next(made)
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            try:
                backend = Signal()
                with _configure.forced(_configure.build([backend], progress_interval=OFTEN)):
                    own = streaminstr.stream([b"", b""])
                    next(own)
                    os._exit(0 if backend.shown.wait(10) else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
