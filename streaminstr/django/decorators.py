"""Scopes view by view."""

from __future__ import annotations

import functools
from collections.abc import Callable
from inspect import isasyncgenfunction, isawaitable, isgeneratorfunction
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from asgiref.sync import iscoroutinefunction

from streaminstr._events import markers_of
from streaminstr._streamed import refuse_bare_use
from streaminstr._wrap import name_of
from streaminstr.django import conf
from streaminstr.django._instrument import Options, instrument, instrument_later, leave_out
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
    release_connections: bool | None = None,
) -> Callable[[ViewT], ViewT]:
    """Name the streams of a view, add attributes to them, or leave them out.

    For function views and async views; class-based views by `method_decorator`; DRF views on
    either side of `@api_view`. Works with the middleware and without it. The view keeps its type.
    `ends_with` is that of `streaminstr.stream`. `release_connections` closes the database
    connections of the request before the first step, or not; None: as the setting says. Raises
    StreaminstrError for a generator function, which returns no response, and TypeError for an odd
    marker or what is no bool.
    """
    refuse_bare_use("stream_scope", name)
    conf.adopt()
    _check_release(release_connections)
    described = Options(name, attributes, markers_of(ends_with), release_connections)
    return _Scoped(described, enabled).decorate


class _Scoped(NamedTuple):
    """One use of the decorator."""

    options: Options
    enabled: bool

    def decorate(self, view: Any) -> Any:
        """The view, with the options applied to each of its responses."""
        _refuse_generator_function(view)

        @functools.wraps(view)
        async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
            return await self.apply_later(args, view(*args, **kwargs), clock())

        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            requested = clock()
            response = view(*args, **kwargs)
            apply = self.apply_later if isawaitable(response) else self.apply
            return apply(args, response, requested)

        return async_wrapper if iscoroutinefunction(view) else wrapper

    def apply(self, args: tuple[Any, ...], response: Any, requested: float) -> Any:
        """Apply the options to the response of a view that was called with `args`; return it."""
        if (request := self._request_of(args, response)) is not None:
            instrument(request, response, self.options, requested=requested)
        return response

    async def apply_later(self, args: tuple[Any, ...], response: Any, requested: float) -> Any:
        """The same for an awaitable: an async view's, or what `View.dispatch` returns for one."""
        answer = await response
        if (request := self._request_of(args, answer)) is not None:
            await instrument_later(request, answer, self.options, requested=requested)
        return answer

    def _request_of(self, args: tuple[Any, ...], response: Any) -> Any:
        """The request of a response that is to have a scope; None of any other."""
        if self.enabled:
            return _request_in(args)
        leave_out(_request_in(args), response)
        return None


def _check_release(given: Any) -> None:
    """Raise TypeError for what is neither a bool nor None."""
    if given is not None and not isinstance(given, bool):
        msg = f"release_connections is {given!r:.80}. Write True or False."
        raise TypeError(msg)


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
