"""The active configuration. Combines the core, logging and the process."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Unpack

from streaminstr import _registry, _segments
from streaminstr._asgiref import place
from streaminstr._calls.guard import guarded
from streaminstr._core.config import OFF, Config
from streaminstr._environment import in_environment, over, variable
from streaminstr._mistakes import Mistakes
from streaminstr._options import OPTIONS, TEXTS, Options, check_option, grace_of, keyword
from streaminstr._process import progress, requests
from streaminstr._process.drain import drain as drain_of_process
from streaminstr._process.remembering import RosterBackend
from streaminstr._process.roster import Roster
from streaminstr._process.shutdown import close_open_streams, flush, shut_down_at_exit
from streaminstr._process.shutdown import watch as watch_for_sigterm
from streaminstr._sifted import plain
from streaminstr._texts import PLAIN, Texts
from streaminstr.log import origin, structured
from streaminstr.log.backend import DEFAULT_LEVELS, LogBackend, with_log
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from streaminstr._core.handle import StreamHandle
    from streaminstr._core.life import Life
    from streaminstr.types import Backend, StreamInfo

    # The items of a list are checked only at run time: a type checker would reject a valid list
    # that is not written in the call itself.
    Choice = str | Backend | Callable[..., Backend] | dict[str, Any] | list[Any] | tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Config):
    """A Config, and the options that are read before a stream is created with it."""

    filter: Callable[[Any, Any], bool] | None = None
    """Returns whether a response gets a scope, outside of Django. None: all responses."""
    paused: bool = False
    """Whether scopes are opened only after `resume()`."""
    texts: Texts = PLAIN


def build(backend: Any = "log", *, options: Any = None, **more: Any) -> Settings:
    """Check the values and build the Settings. Raises StreaminstrError, and changes nothing."""
    mistakes = Mistakes()
    config = collect(mistakes, keyword, backend, {} if options is None else options, more)
    mistakes.tell()
    return config


def collect(
    mistakes: Mistakes,
    where: Callable[[str], str],
    backend: Any,
    options: Any,
    more: Mapping[str, Any],
) -> Settings:
    """Build the Settings; collect everything that is wrong in `mistakes`.

    `where` maps the name of an option to the name that the user has written.
    """
    checked = {
        name: mistakes.collect(name.upper(), check_option, name, value, where(name))
        for name, value in more.items()
    }
    backends = mistakes.collect("BACKEND", _resolve, where("backend"), backend, options) or ()
    if mistakes.entries:
        return Settings()
    levels = {**DEFAULT_LEVELS, **(checked.pop("log_levels", None) or {})}
    store = checked.pop("roster", None)
    if backends:
        backends = with_log(backends, levels)
        if store is not None:
            backends = (*backends, RosterBackend(Roster(store, is_paused)))
    return assemble(backends, **checked)


def _resolve(where: str, backend: Any, options: Any) -> tuple[Backend, ...]:
    """Load the backends. Texts of a StreaminstrError begin with the name the user has written."""
    try:
        backends = _registry.resolve(backend, options)
    except StreaminstrError as error:
        raise StreaminstrError(*(f"{where}: {text}" for text in error.args)) from error
    if any(one is not plain(one) and isinstance(plain(one), LogBackend) for one in backends):
        msg = (
            f"{where}: The log backend logs every stream, so it takes neither RATIO nor FILTER. "
            "Write FILTER for all backends, or a level of None in LOG_LEVELS."
        )
        raise StreaminstrError(msg)
    return backends


def assemble(backends: tuple[Backend, ...], **options: Any) -> Settings:
    """The Settings of these backends, with the functions from logging and the process."""
    segment_interval = options.pop("segment_interval", None)
    if segment_interval is not None and options.get("progress_interval") is None:
        options["progress_interval"] = inf  # creates the lock that keeps a scope's calls apart
    of_texts = [name for name in TEXTS if name in options]
    texts = Texts(**{name: options.pop(name) for name in of_texts})
    looks = any(options.get(name) for name in ("progress_interval", "max_age", "max_stall"))
    return Settings(
        backends=backends,
        runner=structured.runner(),
        place=place,
        bind=origin.bind,
        announce=_announcer(backends),
        gap_bounds=_gap_bounds(backends),
        look_after=_looking_after(segment_interval) if looks else None,
        texts=texts,
        **options,
    )


def watch() -> None:
    """Install the SIGTERM handler. Works only in the main thread."""
    config = guarded(configured, default=OFF)
    if config.drain is not None:
        drain_of_process.grace = config.drain
    watch_for_sigterm()


def stream_begins(config: Config) -> None:
    """Prepare for the end of the process. Called before each stream is created."""
    shut_down_at_exit(shutdown)
    if config.drain is not None:
        drain_of_process.prepare(config.drain, _flush)


def _flush(timeout: float) -> None:
    flush(guarded(configured, default=OFF).backends, monotonic() + timeout)


def drain(grace: float) -> None:
    """Begin to drain the process, and return at once. Bodies have `grace` seconds to finish.

    `current_stream().stopping` is true from now on. Streams that are still open after the grace
    period are ended as cancelled by the server. If a drain has already begun, it continues
    unchanged. `shutdown` waits for the end of the drain. Raises StreaminstrError if `grace` is not
    a number above 0.
    """
    begin_drain(check_option("drain", grace or 0), accepting=0.0)


def begin_drain(grace: float, *, accepting: float) -> None:
    """The same, where the server takes requests for `accepting` seconds more."""
    drain_of_process.prepare(grace, _flush)
    drain_of_process.begin(accepting=accepting)


def _looking_after(segment_interval: float | None) -> Callable[[Life], None]:
    """The function that registers a new stream with the background thread."""

    def look_after(life: Life) -> None:
        progress.begin(life)
        if segment_interval is not None:
            _segments.begin(segment_interval, life)
        progress.look_after(life)

    return look_after


def _announcer(backends: tuple[Backend, ...]) -> Callable[[StreamHandle], None] | None:
    """The function that logs the start of a stream; None if `stream_opened` is not enabled."""
    logs = (one for one in backends if isinstance(one, LogBackend))
    return next((log.announce for log in logs if log.announces), None)


def _gap_bounds(backends: tuple[Backend, ...]) -> tuple[float, ...]:
    """The bounds of all backends that use `StreamReport.gaps`, sorted."""
    asked = (guarded(_bounds_of, backend, default=()) for backend in backends)
    return tuple(sorted({bound for bounds in asked for bound in bounds}))


def _bounds_of(backend: Backend) -> tuple[float, ...]:
    return tuple(map(float, getattr(backend, "gap_bounds", None) or ()))


def configure(backend: Choice | None = "log", **options: Unpack[Options]) -> None:
    """Choose a backend, outside of Django: a name, a dotted path, an object, or a list of these.

    Keywords: `options` (for the backend), `parent` ("child" or "link"), `cancelled_is_error`
    (bool), `log_levels` (dict of outcome, or "opened", to level or None), `progress_interval` and
    `segment_interval` (seconds), `drain` (how long open streams may continue after SIGTERM, in
    seconds), `farewell` (the last chunk of an event stream that the server ends, or a function that
    returns it), `max_age` and `max_stall` (seconds after which a stream, or one without a new
    chunk, is ended as cancelled by the server), `roster` (True or `{"DIR": path}`: this process
    publishes its open streams to others).
    `filter`, `(request, response) -> bool`, chooses the responses of Starlette that get a scope.
    `paused` builds the backends, and opens no scope before `resume()`. `backend=None` turns
    everything off. Environment variables such as STREAMINSTR_BACKEND override all of them. Raises
    StreaminstrError that lists everything that is wrong; the configuration is then unchanged.
    """
    _state.configured = _from_environment({"backend": backend, **options})
    _state.paused = None
    if _state.configured.drain is not None:
        watch()


_KEYWORDS = {"backend", "options", *OPTIONS}


def _from_environment(given: Mapping[str, Any]) -> Settings:
    """The Settings of these options, overridden by the environment. Raises StreaminstrError."""
    environment, mistakes = in_environment(), Mistakes()
    written = {name.upper(): value for name, value in given.items() if name in _KEYWORDS}
    merged = {key.lower(): value for key, value in over(written, environment).items()}
    unknown = {name: value for name, value in given.items() if name not in _KEYWORDS}
    if "DRAIN" in environment:
        merged["drain"] = mistakes.collect(
            "DRAIN", grace_of, variable("DRAIN"), environment["DRAIN"]
        )
    more = {name: merged[name] for name in merged if name in OPTIONS}
    config = collect(
        mistakes,
        lambda name: variable(name.upper()) if name.upper() in environment else keyword(name),
        merged.get("backend", "log"),
        merged.get("options") or {},
        {**more, **unknown},
    )
    mistakes.tell()
    return config


def pause() -> None:
    """Stop opening scopes in this process, until `resume()`.

    Streams that are already open keep their scopes until they end. LIMIT, DRAIN and MAX_AGE still
    apply: they control streams and do not observe them.
    """
    _state.paused = True


def resume() -> None:
    """Open scopes again, after `pause()` or under the setting PAUSED.

    Raises StreaminstrError if the backend is None, because there is nothing to resume.
    """
    if not configured().backends:
        msg = (
            "The backend is None, so there is nothing to resume. To start without scopes and turn "
            'them on later, write a BACKEND and "PAUSED": True.'
        )
        raise StreaminstrError(msg)
    _state.paused = False


def is_paused() -> bool:
    """Whether this process opens no scope for now, though it has a backend."""
    config = guarded(configured, default=OFF)
    return bool(config.backends) and _is_paused(config)


def _on_request(change: Callable[[], None], answer: str) -> None:
    """Register `change` as a request that other processes can send: `roster().send("pause")`.

    If it is impossible, the answer is the reason.
    """

    def handle(_: Mapping[str, Any]) -> str:
        try:
            change()
        except StreaminstrError as error:
            return str(error)
        return answer

    requests.handlers[change.__name__] = handle


_on_request(pause, "paused")
_on_request(resume, "resumed")


def shutdown(timeout: float = 5.0) -> None:
    """Close every open stream as cancelled by the server, then flush the backends.

    Some streams cannot end at once: a step is running, or the clean-up belongs to another thread's
    event loop. They have until `timeout`, in seconds; then their scopes are closed anyway. The
    backends are flushed in the remaining time. A drain that has begun is finished first, within the
    same time. Streams can be opened again afterwards.
    """
    deadline = monotonic() + timeout
    drain_of_process.wait(deadline - min(timeout, 1.0) / 2)
    close_open_streams(deadline)
    flush(guarded(configured, default=OFF).backends, deadline)


def roster() -> Roster:
    """The roster of the active configuration; without the setting, one for this process only."""
    return roster_of(guarded(configured, default=OFF)) or _ALONE


def roster_of(config: Config) -> Roster | None:
    """The roster of a configuration; None if ROSTER is not set."""
    return next((one.roster for one in config.backends if isinstance(one, RosterBackend)), None)


_ALONE = Roster(None, is_paused)


class _State:
    """The active configuration, by precedence: forced, adapter, configured, default."""

    forced: Config | None = None
    adapter: Callable[[], Config | None] | None = None
    configured: Settings | None = None
    default: Settings | None = None
    paused: bool | None = None
    """Set by `pause()` and `resume()`; None: the setting PAUSED applies."""
    idle: tuple[Config, Config] | None = None
    """The last configuration that was paused, and the one that replaces it meanwhile."""


_state = _State()


def current(adapted: Config | None = None) -> Config:
    """The Config for a stream that is created now; without backends while paused.

    `adapted` is the adapter's, if the caller has it already.
    """
    config = configured(adapted)
    return _idle(config) if _is_paused(config) else config


def _is_paused(config: Config) -> bool:
    if _state.paused is None:
        return isinstance(config, Settings) and config.paused
    return _state.paused


class _Control:
    """Among the backends of a paused process that ends streams: it takes none of them.

    An adapter makes a stream only where there is a backend, and what is no stream cannot be ended.
    """

    def open(self, _: StreamInfo) -> None:
        return None


def _idle(config: Config) -> Config:
    """`config` without everything that observes streams."""
    own = roster_of(config)
    if own is not None:
        # No scope starts the thread, which has to receive the `resume` request.
        guarded(progress.share, "roster", own.look, default=None)
    idle = _state.idle
    if idle is None or idle[0] is not config:
        ends = config.max_age is not None or config.max_stall is not None
        off = replace(
            config,
            backends=(_Control(),) if ends or config.drain is not None else (),
            announce=None,
            gap_bounds=(),
            progress_interval=None,
            look_after=config.look_after if ends else None,
        )
        idle = _state.idle = (config, off)
    return idle[1]


def configured(adapted: Config | None = None) -> Config:
    """The active Config, paused or not; the log backend if none was configured."""
    if _state.forced is not None:
        return _state.forced
    if adapted is None and _state.adapter is not None:
        adapted = _state.adapter()
    if adapted is not None:
        return adapted
    if _state.configured is not None:
        return _state.configured
    if _state.default is None:
        # Logged and not raised: a wrong environment variable must not break a running body.
        _state.default = guarded(_from_environment, {}, default=None) or build()
    return _state.default


def has_configured() -> bool:
    """Whether `configure` was called."""
    return _state.configured is not None


def adapt(adapter: Callable[[], Config | None]) -> None:
    """Use `adapter` from now on: it returns the Config of a framework's settings, or None."""
    _state.adapter = adapter


@contextmanager
def forced(config: Config) -> Iterator[Config]:
    """Make `config` the active one inside the block. For tests."""
    before, _state.forced = _state.forced, config
    try:
        yield config
    finally:
        _state.forced = before
