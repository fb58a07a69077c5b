"""The logging half: what contextvars do not carry, and loggers that carry it by themselves."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context

    from streaminstr._scope import Attribute


def bind(fields: Mapping[str, Attribute]) -> None:
    """Put `fields` on each line that structlog emits in the current Context."""
    if fields and _structlog() is not None:
        _structlog().contextvars.bind_contextvars(**fields)


def runner() -> Callable[[Context], Callable[..., Any]]:
    """What makes of a Context the function that runs a step in it."""
    return lambda context: context.run


def stream_logger(name: str, fields: Mapping[str, Attribute]) -> Any:
    """A logger with the bindings of the current Context, the stream's name and `fields`."""
    structlog = _structlog()
    if structlog is None:
        return _FieldsAdapter(logging.getLogger("streaminstr"), {"stream": name, **fields})
    bound = structlog.contextvars.get_contextvars()
    return structlog.get_logger("streaminstr").bind(**{**bound, "stream": name, **fields})


def emit(
    logger: Any,
    level: str,
    event: str,
    fields: Mapping[str, Attribute],
    error: BaseException | None,
) -> None:
    """Log `event` with `fields` on a logger that `stream_logger` made."""
    if isinstance(logger, _FieldsAdapter):
        logger.bind(**fields).log(logging.getLevelNamesMapping()[level.upper()], event)
    else:
        getattr(logger, level)(event, **fields)


class _FieldsAdapter(logging.LoggerAdapter[logging.Logger]):
    """A standard logger that keeps fields: in the record, and in the text."""

    def bind(self, **fields: Any) -> _FieldsAdapter:
        return _FieldsAdapter(self.logger, {**(self.extra or {}), **fields})

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        extra = {**(self.extra or {}), **kwargs.get("extra", {})}
        shown = " ".join(f"{name}={value!r}" for name, value in extra.items())
        return f"{msg} {shown}", {**kwargs, "extra": extra}


def _structlog() -> Any:
    if find_spec("structlog") is None:
        return None
    import structlog  # noqa: PLC0415 - an extra, and heavy

    return structlog
