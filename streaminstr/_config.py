"""What is in force: backends and options, from `configure` or from an adapter's settings."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streaminstr import _origin, _registry, log, structlog
from streaminstr._scope import StreaminstrError
from streaminstr.log import DEFAULT_LEVELS, LEVELS, is_levels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextvars import Context

    from streaminstr._life import StreamHandle
    from streaminstr._scope import Backend, Parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that a stream needs to know about how it is to be instrumented."""

    backends: tuple[Backend, ...] = ()
    parent: Parent = "child"
    cancelled_is_error: bool = False
    progress_interval: float | None = None
    runner: Callable[[Context], Callable[..., Any]] = lambda context: context.run
    """Makes of a stream's Context what runs its steps there."""
    bind: Callable[[StreamHandle], None] = lambda _: None
    """Puts the fields of a stream on the log lines of its Context, which is the current one."""


OFF = Config()
"""Nothing is instrumented."""


def build(backend: Any = "log", *, options: Mapping[str, Any] | None = None, **more: Any) -> Config:
    """A Config of checked values; raises StreaminstrError and has done nothing otherwise."""
    checked = {name: check_option(name, value) for name, value in more.items()}
    levels = {**DEFAULT_LEVELS, **checked.pop("log_levels", {})}
    backends = _registry.resolve(backend, options or {})
    if backends:
        backends = log.with_log(backends, levels)
    return Config(
        backends=backends,
        runner=structlog.runner(),
        bind=_origin.bind,
        **checked,
    )


def configure(backend: Any = "log", **options: Any) -> None:
    """Choose a backend, outside of Django: a name, a dotted path, an object, or a list of these.

    Options: `options` (for the backend), `parent` ("child" or "link"), `cancelled_is_error`
    (bool), `log_levels` (dict of outcome to level or None), `progress_interval` (seconds).
    `backend=None` turns everything off. Raises StreaminstrError, and then nothing has changed.
    """
    _state.configured = build(backend, **options)


class _State:
    """What is in force in this process; the first that is there counts."""

    forced: Config | None = None
    adapter: Callable[[], Config | None] | None = None
    configured: Config | None = None


_state = _State()


def current() -> Config:
    """The Config in force; the log backend where nobody has configured anything."""
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
    """Nothing but `config` is in force inside the block: for tests."""
    before, _state.forced = _state.forced, config
    try:
        yield config
    finally:
        _state.forced = before


def check_option(name: str, value: Any) -> Any:
    """The value, when it is one that option `name` can take; raises StreaminstrError otherwise."""
    if name not in _CHECKS:
        known = ", ".join(sorted(_CHECKS))
        msg = f"Unknown option {name!r}. The options are: backend, options, {known}."
        raise StreaminstrError(msg)
    check, wanted = _CHECKS[name]
    if not check(value):
        msg = f"Option {name!r} (in settings {name.upper()}) is {value!r}. It takes {wanted}."
        raise StreaminstrError(msg)
    return value


def _is_interval(value: Any) -> bool:
    return value is None or (
        isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    )


_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "parent": (lambda value: value in ("child", "link"), '"child" or "link"'),
    "cancelled_is_error": (lambda value: isinstance(value, bool), "True or False"),
    "progress_interval": (_is_interval, "a number of seconds above 0, or None"),
    "log_levels": (
        is_levels,
        (
            "a dict of outcomes (completed, failed, cancelled, abandoned) to levels "
            f"({', '.join(LEVELS)}) or None"
        ),
    ),
}
