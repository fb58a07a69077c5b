"""Hooks for gunicorn, to import: open streams are closed and sent before their worker exits.

    gunicorn -c python:streaminstr.gunicorn shop.wsgi

If you have a configuration file, write at its end:

    import streaminstr.gunicorn

    streaminstr.gunicorn.install(globals())

With the option `drain`, a worker begins its drain when it has to stop, or is about to be replaced
because of `max_requests`. With and without it, streams that are still open shortly before the end
of `graceful_timeout` are closed, because gunicorn's SIGKILL cannot be caught.
"""

from __future__ import annotations

import functools
import signal
import threading
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Hook = Callable[..., None]

__all__ = [
    "post_fork",
    "post_worker_init",
    "pre_request",
    "worker_abort",
    "worker_exit",
    "worker_int",
]
# Imports are inside the functions, to run in the worker: gunicorn's master reads this file too, and
# gevent patches modules after that.
# ruff: noqa: PLC0415

_MARGIN = 0.6
"""Seconds before the end of `graceful_timeout` at which open streams are closed."""
_LOOK_AGAIN = 0.1
"""How often to check whether the worker has to stop, in seconds."""
_AT_EXIT = 1.0
"""How long the end of a worker may be delayed, in seconds."""
_INSTALLED = "_streaminstr_installed"


def post_fork(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Record that a new worker is not stopping, even if its master is."""
    from streaminstr import _exchange

    _exchange.shutting_down = False


def post_worker_init(worker: Any) -> None:
    """Listen to SIGTERM, and close open streams before gunicorn's SIGKILL."""
    from streaminstr._calls.guard import guarded

    guarded(_warn, worker, default=None)
    guarded(_listen, worker, default=None)
    seconds = max(worker.cfg.graceful_timeout - _MARGIN, 0)
    threading.Thread(target=_close_in_time, args=(seconds,), daemon=True).start()


def pre_request(worker: Any, req: Any) -> None:
    """Log the request, as gunicorn's own hook does; begin the drain with the last one."""
    worker.log.debug("%s %s", req.method, req.path)
    _before_request(worker, req)


def worker_int(worker: Any) -> None:
    """On SIGINT and SIGQUIT: record that streams cut short from now on are ended by the server.

    Nothing more is safe in a signal handler. gunicorn's own worker for ASGI calls this in its loop
    and cancels the tasks next, so there the streams are closed as well.
    """
    import streaminstr
    from streaminstr import _exchange

    _exchange.shutting_down = True
    if hasattr(worker, "handle_quit_signal"):
        streaminstr.shutdown(timeout=_AT_EXIT / 2)


def worker_abort(worker: Any) -> None:
    """On SIGABRT, which gunicorn sends to a stuck worker: record the same as `worker_int`."""
    worker_int(worker)


def worker_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Close open streams, and flush the backends."""
    import streaminstr

    streaminstr.shutdown(timeout=_AT_EXIT)


def install(names: dict[str, Any]) -> None:
    """Add the hooks to the `globals()` of a configuration file.

    A hook that the file defines itself is called after ours, even if ours raises. It may be a
    dotted path, as gunicorn allows.
    """
    for name in __all__:
        ours, own = globals()[name], names.get(name)
        if own is None:
            names[name] = ours
        elif own is not ours and not hasattr(own, _INSTALLED):
            # Its own hook decides whether requests are logged.
            first = _before_request if name == "pre_request" else ours
            names[name] = _chained(first, own)


def _chained(ours: Hook, own: Hook | str) -> Hook:
    @functools.wraps(ours)  # gunicorn counts the parameters
    def hook(*arguments: Any) -> None:
        try:
            ours(*arguments)
        finally:
            _function(own)(*arguments)

    setattr(hook, _INSTALLED, True)
    return hook


def _function(hook: Hook | str) -> Any:
    if not isinstance(hook, str):
        return hook
    module, _, name = hook.rpartition(".")
    return getattr(import_module(module), name)


def _before_request(worker: Any, req: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Begin the drain with the request after which gunicorn replaces the worker.

    gunicorn sends no signal in this case. That request is still served, even if it is an event
    stream.
    """
    if worker.nr + 1 < worker.max_requests:
        return
    from streaminstr import _configure
    from streaminstr._process import limit
    from streaminstr._process.drain import STILL_ACCEPTS

    grace = _grace()
    if grace is not None:
        if worker.nr + 1 == worker.max_requests:
            limit.let_in.set(True)
        _configure.begin_drain(grace, accepting=STILL_ACCEPTS)


def _grace() -> float | None:
    """How long open streams may continue, in seconds; None for no drain."""
    from streaminstr import _configure
    from streaminstr._calls.guard import guarded
    from streaminstr._core.config import OFF

    return guarded(_configure.current, default=OFF).drain


def _warn(worker: Any) -> None:
    grace, ends = _grace(), worker.cfg.graceful_timeout
    if grace is not None and grace + _MARGIN > ends:
        worker.log.warning(
            "streaminstr.W006: the drain's grace is %s s, and gunicorn kills the worker after %s "
            "s: what is open then is closed %s s before. Set graceful_timeout to %s at least.",
            grace,
            ends,
            _MARGIN,
            int(grace + _MARGIN) + 1,
        )


def _listen(worker: Any) -> None:
    """Make SIGTERM begin the drain, and then reach the worker."""
    from streaminstr import _configure

    if hasattr(worker, "callback_notify"):  # uvicorn's worker, which sets its handlers as it runs
        signal.signal(signal.SIGTERM, _end)
        _listen_at_first_notify(worker)
        return
    if _is_ddtrace(signal.getsignal(signal.SIGTERM)):
        # It stops its tracer at SIGTERM, and loses the spans that end within the grace.
        if hasattr(worker, "handle_exit_signal"):  # gunicorn's own worker for ASGI
            worker.loop.add_signal_handler(signal.SIGTERM, worker.handle_exit_signal)
        else:
            signal.signal(signal.SIGTERM, worker.handle_exit)
    _configure.watch()
    signal.siginterrupt(signal.SIGTERM, False)  # as gunicorn has set it


def _is_ddtrace(handler: Any) -> bool:
    """Whether ddtrace has set the handler, or the one that ours calls next."""
    before = getattr(handler, "_before", handler)
    module = getattr(before, "__module__", None) or ""
    return module.startswith("ddtrace.")


def _listen_at_first_notify(worker: Any) -> None:
    notify = worker.notify

    def listen_and_notify() -> None:
        from streaminstr import _configure

        worker.notify = notify
        _configure.watch()
        notify()

    worker.notify = listen_and_notify


def _end(number: int, frame: Any) -> None:  # noqa: ARG001 - a handler's signature
    """Called when uvicorn's worker has ended: it raises the signal once more."""
    # In a thread of its own, which may wait: a loop still runs here.
    closing = threading.Thread(target=worker_exit, args=(None, None))
    closing.start()
    closing.join()
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _close_in_time(seconds: float) -> None:
    """Wait until the worker has to stop, and `seconds` more; then close what is open."""
    import streaminstr
    from streaminstr import _exchange

    while True:
        while not _exchange.shutting_down:
            time.sleep(_LOOK_AGAIN)
        time.sleep(seconds)
        if _exchange.shutting_down:  # and it was not a mere call of `shutdown`
            break
    streaminstr.shutdown(timeout=_MARGIN / 2)
