"""The active configuration, where the core, logging and the process are put together."""

from __future__ import annotations

from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from streaminstr import _registry, _segments
from streaminstr._asgiref import place
from streaminstr._core.config import OFF, Config
from streaminstr._core.guard import guarded
from streaminstr._farewell import farewell
from streaminstr._process import progress
from streaminstr._process.drain import drain as drain_of_process
from streaminstr._process.shutdown import close_open_streams, flush, shut_down_at_exit
from streaminstr._process.shutdown import watch as watch_for_sigterm
from streaminstr.log import origin, structured
from streaminstr.log.backend import DEFAULT_LEVELS, LEVELS, LogBackend, is_levels, with_log
from streaminstr.log.logger import stream_logger
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from streaminstr._core.handle import StreamHandle
    from streaminstr._core.life import Life
    from streaminstr.types import Backend, Parent

    # The items of a list are checked at run time alone: a checker would refuse a valid list that
    # was not written in the call itself.
    Choice = str | Backend | Callable[..., Backend] | dict[str, Any] | list[Any] | tuple[Any, ...]


class Options(TypedDict, total=False):
    """The keywords of `configure`; `check_option` tells at run time what each takes."""

    options: Mapping[str, Any]
    parent: Parent
    cancelled_is_error: bool
    log_levels: Mapping[str, str | None]
    progress_interval: float | None
    segment_interval: float | None
    drain: float | None
    farewell: str | bytes | Callable[[], str | bytes] | None
    max_age: float | None
    max_stall: float | None


def build(backend: Any = "log", *, options: Mapping[str, Any] | None = None, **more: Any) -> Config:
    """A Config of checked values; raises StreaminstrError before anything has changed."""
    checked = {name: check_option(name, value) for name, value in more.items()}
    checked["farewell"] = farewell(checked.pop("farewell", None))
    levels = {**DEFAULT_LEVELS, **checked.pop("log_levels", {})}
    backends = _registry.resolve(backend, options or {})
    if backends:
        backends = with_log(backends, levels)
    return assemble(backends, **checked)


def assemble(backends: tuple[Backend, ...], **options: Any) -> Config:
    """A Config of these backends, with what logging and the process hand to the core."""
    segment_interval = options.pop("segment_interval", None)
    if segment_interval is not None and options.get("progress_interval") is None:
        options["progress_interval"] = inf  # the lock that keeps the calls of a scope apart
    looks = any(options.get(name) for name in ("progress_interval", "max_age", "max_stall"))
    return Config(
        backends=backends,
        runner=structured.runner(),
        place=place,
        bind=origin.bind,
        logger=stream_logger,
        announce=_announcer(backends),
        gap_bounds=_gap_bounds(backends),
        look_after=_looking_after(segment_interval) if looks else None,
        **options,
    )


def watch() -> None:
    """Listen to SIGTERM, from the main thread, where it is the first chance to do so."""
    config = guarded(current, default=OFF)
    if config.drain is not None:
        drain_of_process.grace = config.drain
    watch_for_sigterm()


def stream_begins(config: Config) -> None:
    """Prepare for the end of the process, as a stream is about to be made."""
    shut_down_at_exit(shutdown)
    if config.drain is not None:
        drain_of_process.prepare(config.drain, _flush)


def _flush(timeout: float) -> None:
    flush(guarded(current, default=OFF).backends, monotonic() + timeout)


def drain(grace: float) -> None:
    """Begin to drain the process, and return: bodies see it, and have `grace` seconds.

    `current_stream().stopping` is true from now on. What is open after the grace, in seconds, is
    ended as cancelled by the server. A drain that has begun goes on as it was. `shutdown` waits for
    its end. Raises StreaminstrError for a grace that is no number above 0.
    """
    drain_of_process.prepare(check_option("drain", grace or 0), _flush)
    drain_of_process.begin()


def _looking_after(segment_interval: float | None) -> Callable[[Life], None]:
    """What has the background thread look at a stream that has just begun."""
    if segment_interval is None:
        return progress.look_after

    def look_after(life: Life) -> None:
        _segments.begin(segment_interval, life)
        progress.look_after(life)

    return look_after


def _announcer(backends: tuple[Backend, ...]) -> Callable[[StreamHandle], None] | None:
    """What says that a stream has begun, where that was asked for."""
    logs = (one for one in backends if isinstance(one, LogBackend))
    return next((log.announce for log in logs if log.announces), None)


def _gap_bounds(backends: tuple[Backend, ...]) -> tuple[float, ...]:
    """The bounds of all backends that take `StreamReport.gaps`, in their order."""
    asked = (guarded(_bounds_of, backend, default=()) for backend in backends)
    return tuple(sorted({bound for bounds in asked for bound in bounds}))


def _bounds_of(backend: Backend) -> tuple[float, ...]:
    return tuple(map(float, getattr(backend, "gap_bounds", None) or ()))


def configure(backend: Choice | None = "log", **options: Unpack[Options]) -> None:
    """Choose a backend, outside of Django: a name, a dotted path, an object, or a list of these.

    Keywords: `options` (for the backend), `parent` ("child" or "link"), `cancelled_is_error`
    (bool), `log_levels` (dict of outcome, or "opened", to level or None), `progress_interval` and
    `segment_interval` (seconds), `drain` (seconds that open streams have after SIGTERM), `farewell`
    (the last chunk of an event stream that the server ends, or what returns it), `max_age` and
    `max_stall` (seconds after which a stream, or one without a new chunk, is ended as cancelled by
    the server).
    `backend=None` turns everything off. Raises StreaminstrError, and then nothing has changed.
    """
    _state.configured = build(backend, **options)
    if _state.configured.drain is not None:
        watch()


def shutdown(timeout: float = 5.0) -> None:
    """Close every open stream as cancelled by the server, then flush the backends.

    A stream that cannot end at once, because a step is running or because its clean-up belongs to
    another thread's loop, has until `timeout`, in seconds; then its scope is closed without it. The
    backends have what is left of the time. Streams may be opened again after it. A drain that is
    under way comes to its end first, within the same time.
    """
    deadline = monotonic() + timeout
    drain_of_process.wait(deadline - min(timeout, 1.0) / 2)
    close_open_streams(deadline)
    flush(guarded(current, default=OFF).backends, deadline)


class _State:
    """The active configuration, by precedence: forced, adapter, configured."""

    forced: Config | None = None
    adapter: Callable[[], Config | None] | None = None
    configured: Config | None = None


_state = _State()


def current() -> Config:
    """The active Config; the log backend where none was configured."""
    if _state.forced is not None:
        return _state.forced
    adapted = _state.adapter() if _state.adapter is not None else None
    if adapted is not None:
        return adapted
    if _state.configured is None:
        _state.configured = build()
    return _state.configured


def adapt(adapter: Callable[[], Config | None]) -> None:
    """Ask `adapter` for the Config from now on: a framework's settings, None where not set."""
    _state.adapter = adapter


@contextmanager
def forced(config: Config) -> Iterator[Config]:
    """`config` alone is active inside the block: for tests."""
    before, _state.forced = _state.forced, config
    try:
        yield config
    finally:
        _state.forced = before


def check_option(name: str, value: Any) -> Any:
    """The value, when it is one that option `name` can take; raises StreaminstrError otherwise."""
    if name not in _CHECKS:
        names = ", ".join(sorted(_CHECKS))
        msg = f"Unknown option {name!r}. The options are: backend, options, {names}."
        raise StreaminstrError(msg)
    check, values = _CHECKS[name]
    if not check(value):
        msg = f"Option {name!r} (in settings {name.upper()}) is {value!r}. It takes {values}."
        raise StreaminstrError(msg)
    return value


def _is_interval(value: Any) -> bool:
    return value is None or (
        isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    )


def _is_grace(value: Any) -> bool:
    return value is None or (_is_interval(value) and value < inf)


def _is_farewell(value: Any) -> bool:
    return value is None or isinstance(value, str | bytes) or callable(value)


_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "parent": (lambda value: value in ("child", "link"), '"child" or "link"'),
    "cancelled_is_error": (lambda value: isinstance(value, bool), "True or False"),
    "drain": (_is_grace, "a finite number of seconds above 0, or None"),
    "farewell": (_is_farewell, "text, bytes, a function that returns one of these, or None"),
    "max_age": (_is_interval, "a number of seconds above 0, or None"),
    "max_stall": (_is_interval, "a number of seconds above 0, or None"),
    "progress_interval": (_is_interval, "a number of seconds above 0, or None"),
    "segment_interval": (_is_interval, "a number of seconds above 0, or None"),
    "log_levels": (
        is_levels,
        (
            "a dict of outcomes (completed, failed, cancelled, abandoned) and `opened` to levels "
            f"({', '.join(LEVELS)}) or None"
        ),
    ),
}
