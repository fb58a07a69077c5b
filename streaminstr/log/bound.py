"""A stream's logger where structlog is installed: it carries the stream's bindings by itself."""

from __future__ import annotations

import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from streaminstr.log.structured import all_bound, installed
from streaminstr.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaminstr.log.origin import Line, Origin


def bound_logger(name: str, origin: Origin) -> Any:
    """A structlog logger with the bindings of `origin` and the stream's name."""
    configured, line = installed().get_config(), origin.line
    bindings, processors = Bindings.__new__(Bindings), configured["processors"]
    bindings.update(origin.run(all_bound))
    bindings.update(NOTHING if line is None else line.fields, stream=name)
    bindings.origin, bindings.line = origin, line
    # As `structlog.wrap_logger(...).bind()` does, without its proxy and a second copy.
    return _placed(configured["wrapper_class"])(
        configured["logger_factory"]("streaminstr"),
        processors=_processors(processors, origin) if "ddtrace" in sys.modules else processors,
        context=bindings,
    )


def _processors(configured: Any, origin: Origin) -> Any:
    """The processors of a stream's logger: the configured ones, unless ddtrace has patched them."""
    patched = [getattr(one, "__module__", "").startswith("ddtrace.") for one in configured]
    if True not in patched:
        return configured
    after = patched.index(True) + 1
    return [*configured[:after], partial(_put_ids_back, origin), *configured[after:]]


def _put_ids_back(origin: Origin, _: Any, __: str, event: Any) -> Any:
    """A processor after ddtrace's, which writes "0" once the stream's span has finished."""
    fields = origin.fields.items()
    event.update({name: value for name, value in fields if event.get(name) == "0"})
    return event


class Bindings(dict[str, Any]):
    """The context of a logger, which knows the stream that it is from."""

    __slots__ = ("line", "origin")
    origin: Origin
    line: Line | None
    """The stream's fields that are in it; None if it was made before the first step."""

    def __init__(self, source: Bindings, /, **new: Any) -> None:
        """Called by structlog for `logger.bind(**new)`."""
        super().__init__(source, **new)
        self.origin, self.line = source.origin, source.line

    def late(self) -> dict[str, Any]:
        """The stream's fields that this logger lacks, or has as they were when it was made."""
        line = self.origin.line
        if line is self.line or line is None:
            return {}
        old = {} if self.line is None else self.line.fields
        return {
            name: value
            for name, value in line.fields.items()
            if name not in self or (name in old and self[name] is old[name])
        }


class _Placed:
    """Mixed into a logger class: each line is made where the bindings of its stream are in force.

    Otherwise `merge_contextvars` would add what another request has bound, and a vendor's log
    injection the ids of another span. Structlog documents `_proxy_to_logger` for wrappers.
    """

    _context: Bindings

    @property
    def _proxy_to_logger(self) -> Callable[..., Any]:
        proxy: Callable[..., Any] = super()._proxy_to_logger  # type: ignore[misc]
        return partial(self._context.origin.run, partial(proxy, **self._context.late()))


def _method(self: Any, name: str) -> Callable[..., Any]:
    """Instead of `structlog.BoundLogger.__getattr__`, which keeps what may be used only once."""
    return partial(self._proxy_to_logger, name)


@cache
def _placed(wrapper: Any) -> Any:
    """The logger class `wrapper`, placed; a factory function stays as it is."""
    if not isinstance(wrapper, type):
        return wrapper
    generic = issubclass(wrapper, installed().BoundLogger)
    return type(
        f"Stream{wrapper.__name__}",
        (_Placed, wrapper),
        {"__getattr__": _method} if generic else {},
    )
