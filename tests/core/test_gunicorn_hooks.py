"""The hooks for gunicorn, with a worker that is a fake; tests/servers has real ones."""

import inspect
import logging
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

import streaminstr
from streaminstr import _configure, _exchange
from streaminstr import gunicorn as hooks
from streaminstr._process import drain as drain_module
from streaminstr._process import limit
from streaminstr._process import shutdown as process_shutdown


class Worker:
    """What the hooks use of a worker."""

    max_requests = sys.maxsize
    nr = 0

    def __init__(self, graceful_timeout=30):
        self.cfg = SimpleNamespace(graceful_timeout=graceful_timeout)
        self.log = logging.getLogger("gunicorn.error")
        self.stopped = []
        self.notified = 0

    def handle_exit(self, number, frame):
        self.stopped.append(number)

    def notify(self):
        self.notified += 1


close_in_time = hooks._close_in_time
REQUEST = SimpleNamespace(method="GET", path="/orders/")


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture(autouse=True)
def _process(monkeypatch):
    """The state of the process as it was: signals, drain, and who has to close in time."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(_exchange, "shutting_down", False)
    # Of the module, whose thread would outlive the test.
    monkeypatch.setattr(hooks, "_close_in_time", lambda seconds: None)
    yield
    signal.signal(signal.SIGTERM, before)
    limit.let_in.set(False)


@pytest.fixture
def drained(monkeypatch):
    """The graces of the drains that were begun, where DRAIN is on."""
    graces = []

    def begin(grace, *, accepting):
        assert accepting == drain_module.STILL_ACCEPTS
        graces.append(grace)

    monkeypatch.setattr(_configure, "begin_drain", begin)
    monkeypatch.setattr(drain_module.drain, "grace", None)
    with _configure.forced(_configure.Config(drain=20)):
        yield graces


@pytest.fixture
def shutdowns(monkeypatch):
    """The timeouts of the calls of `shutdown`."""
    timeouts = []
    monkeypatch.setattr(streaminstr, "shutdown", lambda timeout: timeouts.append(timeout))
    return timeouts


def test_importing_it_brings_no_gunicorn_and_no_other_module_of_ours():
    code = (
        "import streaminstr, sys; before = {*sys.modules}; import streaminstr.gunicorn;"
        "new = {*sys.modules} - before;"
        "print(*(name for name in new if name.split('.')[0] in ('gunicorn', 'streaminstr')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)  # noqa: S603
    assert done.stdout.split() == ["streaminstr.gunicorn"]


def test_a_star_import_brings_the_hooks_alone():
    names = {}
    exec("from streaminstr.gunicorn import *", names)  # noqa: S102 - as a configuration file does
    assert set(names) - {"__builtins__"} == set(hooks.__all__)


def test_a_worker_does_not_stop_with_its_master(worker):
    _exchange.shutting_down = True
    hooks.post_fork(None, worker)
    assert not _exchange.shutting_down


def test_sigterm_reaches_the_drain_and_the_handler_of_before(worker):
    signal.signal(signal.SIGTERM, worker.handle_exit)
    hooks.post_worker_init(worker)
    signal.raise_signal(signal.SIGTERM)
    assert worker.stopped == [signal.SIGTERM]
    assert _exchange.shutting_down


def ddtrace(number, frame):
    raise AssertionError  # pragma: no cover - it is never called


ddtrace.__module__ = "ddtrace.internal.utils.signals"


@pytest.mark.parametrize("wrapped", [False, True])
def test_ddtrace_which_would_stop_its_tracer_at_sigterm_is_passed_over(worker, wrapped):
    signal.signal(signal.SIGTERM, ddtrace)
    if wrapped:
        process_shutdown.watch()
    hooks.post_worker_init(worker)
    signal.raise_signal(signal.SIGTERM)
    assert worker.stopped == [signal.SIGTERM]


def test_a_worker_that_listens_in_its_loop_goes_on_to_do_so(worker):
    added = []
    worker.loop = SimpleNamespace(add_signal_handler=lambda *call: added.append(call))
    worker.handle_exit_signal = lambda: None
    signal.signal(signal.SIGTERM, ddtrace)
    hooks.post_worker_init(worker)
    assert added == [(signal.SIGTERM, worker.handle_exit_signal)]


def test_uvicorns_worker_is_listened_to_once_it_runs(worker, shutdowns, monkeypatch):
    raised = []
    monkeypatch.setattr(hooks.signal, "raise_signal", raised.append)
    worker.callback_notify = None
    hooks.post_worker_init(worker)
    at_the_end = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, worker.handle_exit)  # as uvicorn does
    worker.notify()
    worker.notify()
    assert worker.notified == 2
    signal.getsignal(signal.SIGTERM)(signal.SIGTERM, None)
    assert worker.stopped == [signal.SIGTERM]
    at_the_end(signal.SIGTERM, None)  # uvicorn sets it again, and raises the signal
    assert (shutdowns, raised) == ([hooks._AT_EXIT], [signal.SIGTERM])
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize(("graceful", "is_warned"), [(20, True), (20.5, True), (21, False)])
def test_a_grace_that_gunicorn_does_not_wait_for_is_warned_of(graceful, is_warned, drained, caplog):
    hooks.post_worker_init(Worker(graceful))
    assert ["streaminstr.W006" in record.message for record in caplog.records] == [True] * is_warned


def test_without_a_drain_nothing_is_warned_of(worker, caplog):
    with _configure.forced(_configure.Config()):
        hooks.post_worker_init(Worker(1))
    assert caplog.records == []


@pytest.mark.parametrize(("graceful", "seconds"), [(30, 29.4), (0.1, 0)])
def test_what_is_open_is_closed_shortly_before_gunicorn_kills(graceful, seconds, monkeypatch):
    waits = []
    monkeypatch.setattr(hooks, "_close_in_time", waits.append)
    hooks.post_worker_init(Worker(graceful))
    assert waits == [pytest.approx(seconds)]


def test_it_waits_for_the_end_of_the_worker_and_not_for_a_mere_shutdown(shutdowns, monkeypatch):
    """A call of `shutdown` sets the same flag, for as long as it runs."""
    pauses = []
    stops = iter([False, True, False, True, True])

    def sleep(seconds):
        pauses.append(seconds)
        _exchange.shutting_down = next(stops)

    monkeypatch.setattr(hooks.time, "sleep", sleep)
    close_in_time(29)
    look = hooks._LOOK_AGAIN
    assert pauses == [look, look, 29, look, 29]
    assert shutdowns == [hooks._MARGIN / 2]


def test_the_last_request_of_a_worker_begins_the_drain_and_is_let_in(worker, drained):
    worker.max_requests = 3
    seen = []
    for worker.nr in range(4):
        hooks.pre_request(worker, REQUEST)
        seen.append((len(drained), limit.let_in.get()))
        limit.let_in.set(False)
    assert seen == [(0, False), (0, False), (1, True), (2, False)]
    assert drained == [20, 20]


def test_without_the_option_the_last_request_begins_nothing(worker, drained):
    worker.max_requests = 1
    with _configure.forced(_configure.Config()):
        hooks.pre_request(worker, REQUEST)
    assert drained == []


def test_a_request_is_logged_as_gunicorn_logs_it(worker, caplog):
    with caplog.at_level(logging.DEBUG):
        hooks.pre_request(worker, REQUEST)
    assert [record.message for record in caplog.records] == ["GET /orders/"]


def test_a_worker_that_has_to_stop_at_once_notes_it_and_takes_no_lock(worker, shutdowns):
    hooks.worker_abort(worker)
    assert _exchange.shutting_down
    assert shutdowns == []


def test_in_a_loop_it_closes_what_is_open(worker, shutdowns):
    worker.handle_quit_signal = lambda: None
    hooks.worker_int(worker)
    assert shutdowns == [hooks._AT_EXIT / 2]


def test_at_its_end_a_worker_shuts_down(worker, shutdowns):
    hooks.worker_exit(None, worker)
    assert shutdowns == [hooks._AT_EXIT]


# A file of the site's own


def test_into_an_empty_file_the_hooks_themselves_are_installed():
    names = {"bind": "[::]:8000"}
    hooks.install(names)
    ours = {name: getattr(hooks, name) for name in hooks.__all__}
    assert names == {"bind": "[::]:8000", **ours}


calls = []


def own_exit(server, worker):
    calls.append("own")


@pytest.mark.parametrize("own", [own_exit, "shop_hooks.own_exit"], ids=["function", "path"])
def test_a_hook_of_its_own_comes_after_ours(own, monkeypatch):
    calls.clear()
    monkeypatch.setitem(sys.modules, "shop_hooks", SimpleNamespace(own_exit=own_exit))
    monkeypatch.setattr(streaminstr, "shutdown", lambda timeout: calls.append("ours"))
    names = {"worker_exit": own}
    hooks.install(names)
    names["worker_exit"](None, None)
    assert calls == ["ours", "own"]


def test_it_comes_even_if_ours_raises(monkeypatch):
    def fail(timeout):
        raise KeyError

    calls.clear()
    monkeypatch.setattr(streaminstr, "shutdown", fail)
    names = {"worker_exit": own_exit}
    hooks.install(names)
    with pytest.raises(KeyError):
        names["worker_exit"](None, None)
    assert calls == ["own"]


def test_to_install_twice_is_to_install_once(shutdowns):
    calls.clear()
    names = {"worker_exit": own_exit}
    for _ in range(2):
        hooks.install(names)
    names["worker_exit"](None, None)
    assert (shutdowns, calls) == ([hooks._AT_EXIT], ["own"])


def test_its_own_hook_decides_whether_requests_are_logged(worker, drained, caplog):
    worker.max_requests = 1
    requests = []
    names = {"pre_request": lambda worker, req: requests.append(req)}
    hooks.install(names)
    with caplog.at_level(logging.DEBUG):
        names["pre_request"](worker, REQUEST)
    assert (requests, drained, caplog.records) == ([REQUEST], [20], [])


def test_gunicorn_can_count_the_parameters():
    names = {name: lambda *_: None for name in hooks.__all__}
    hooks.install(names)
    two = {"post_fork", "pre_request", "worker_exit"}
    for name in hooks.__all__:
        assert len(inspect.signature(names[name]).parameters) == (2 if name in two else 1)
