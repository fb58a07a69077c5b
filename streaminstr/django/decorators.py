"""Scopes view by view."""

from __future__ import annotations

import functools
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction

from streaminstr import StreaminstrError
from streaminstr.django._instrument import instrument, leave_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http.response import HttpResponseBase

    from streaminstr._scope import Attribute


def stream_scope(
    name: str | None = None,
    *,
    attributes: Mapping[str, Attribute] | None = None,
    enabled: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Name the streams of a view, add attributes to them, or leave them out.

    For function views and async views; class-based views by `method_decorator`; DRF views on
    either side of `@api_view`. Works with the middleware and without it.
    """
    if callable(name):
        msg = "@stream_scope is used without brackets: write @stream_scope()"
        raise StreaminstrError(msg)

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        def settle(args: tuple[Any, ...], response: HttpResponseBase, requested: float) -> None:
            if not enabled:
                leave_out(response)
            elif (request := _request_in(args)) is not None:
                instrument(request, response, name=name, attributes=attributes, requested=requested)

        if iscoroutinefunction(view):

            @functools.wraps(view)
            async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
                requested = clock()
                response = await view(*args, **kwargs)
                settle(args, response, requested)
                return response

            return async_wrapper

        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            requested = clock()
            response = view(*args, **kwargs)
            settle(args, response, requested)
            return response

        return wrapper

    return decorate


def _request_in(args: tuple[Any, ...]) -> Any:
    """The request among a view's arguments: the first of a function, the second of a method."""
    return next((arg for arg in args[:2] if hasattr(arg, "META")), None)
