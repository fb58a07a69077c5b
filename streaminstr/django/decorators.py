"""Scopes view by view."""

from __future__ import annotations

import functools
from collections.abc import Callable
from inspect import isasyncgenfunction, isawaitable, isgeneratorfunction
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from asgiref.sync import iscoroutinefunction

from streaminstr._events import markers_of
from streaminstr._response import Options
from streaminstr._streamed import refuse_bare_use
from streaminstr._wrap import name_of
from streaminstr.django import conf
from streaminstr.django._instrument import instrument, leave_out
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._events import Marker
    from streaminstr.types import Attribute

ViewT = TypeVar("ViewT", bound=Callable[..., Any])


def stream_scope(
    name: str | None = None,
    *,
    attributes: Mapping[str, Attribute] | None = None,
    enabled: bool = True,
    ends_with: Marker | None = None,
) -> Callable[[ViewT], ViewT]:
    """Name the streams of a view, add attributes to them, or leave them out.

    For function views and async views; class-based views by `method_decorator`; DRF views on
    either side of `@api_view`. Works with the middleware and without it. The view keeps its type.
    `ends_with` is that of `streaminstr.stream`. Raises StreaminstrError for a generator function,
    which returns no response, and TypeError for an odd marker.
    """
    refuse_bare_use("stream_scope", name)
    conf.adopt()
    options = _Scoped(Options(name, attributes, markers_of(ends_with)), enabled)

    def decorate(view: Any) -> Any:
        _refuse_generator_function(view)

        @functools.wraps(view)
        async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
            return await options.apply_later(args, view(*args, **kwargs), clock())

        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            requested = clock()
            response = view(*args, **kwargs)
            apply = options.apply_later if isawaitable(response) else options.apply
            return apply(args, response, requested)

        return async_wrapper if iscoroutinefunction(view) else wrapper

    return decorate


class _Scoped(NamedTuple):
    """One use of the decorator."""

    options: Options
    enabled: bool

    def apply(self, args: tuple[Any, ...], response: Any, requested: float) -> Any:
        """Apply the options to the response of a view that was called with `args`; return it."""
        if not self.enabled:
            leave_out(_request_in(args), response)
        elif (request := _request_in(args)) is not None:
            instrument(request, response, self.options, requested=requested)
        return response

    async def apply_later(self, args: tuple[Any, ...], response: Any, requested: float) -> Any:
        """The same for an awaitable: an async view's, or what `View.dispatch` returns for one."""
        return self.apply(args, await response, requested)


def _refuse_generator_function(view: Any) -> None:
    """Raise StreaminstrError: wrapped, a framework would no longer see what kind of view it is."""
    if isgeneratorfunction(view) or isasyncgenfunction(view):
        name = name_of(view)
        msg = (
            f"@stream_scope decorates a view that returns a response, and {name}() is a generator "
            "function. The middleware already covers the response that a framework makes of it: "
            f"set attributes inside {name}() with current_stream().set_attribute(...), and leave "
            "responses out with the setting FILTER. To name the stream, return "
            "StreamingHttpResponse(...) from the view. A generator function that is not a view "
            "takes @streaminstr.streamed(...)."
        )
        raise StreaminstrError(msg)


def _request_in(args: tuple[Any, ...]) -> Any:
    """The request among a view's arguments: the first of a function, the second of a method."""
    return next((arg for arg in args[:2] if hasattr(arg, "META")), None)
