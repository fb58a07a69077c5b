"""Scopes view by view."""

from __future__ import annotations

import functools
from inspect import isawaitable
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction

from streaminstr._wrap import refuse_bare_use
from streaminstr.django import conf
from streaminstr.django._instrument import instrument, leave_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

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
    refuse_bare_use("stream_scope", name)
    conf.adopt()

    def settle(args: tuple[Any, ...], response: Any, requested: float) -> Any:
        if not enabled:
            leave_out(response)
        elif (request := _request_in(args)) is not None:
            instrument(request, response, name=name, attributes=attributes, requested=requested)
        return response

    async def settle_later(
        args: tuple[Any, ...], response: Awaitable[Any], requested: float
    ) -> Any:
        return settle(args, await response, requested)

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
            return await settle_later(args, view(*args, **kwargs), clock())

        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            requested = clock()
            response = view(*args, **kwargs)
            # `View.dispatch` is a plain method, which gives a coroutine where the view is async.
            if isawaitable(response):
                return settle_later(args, response, requested)
            return settle(args, response, requested)

        return async_wrapper if iscoroutinefunction(view) else wrapper

    return decorate


def _request_in(args: tuple[Any, ...]) -> Any:
    """The request among a view's arguments: the first of a function, the second of a method."""
    return next((arg for arg in args[:2] if hasattr(arg, "META")), None)
