"""Scopes view by view."""

from __future__ import annotations

import functools
from inspect import isawaitable
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any, NamedTuple

from asgiref.sync import iscoroutinefunction

from streaminstr._streamed import refuse_bare_use
from streaminstr.django import conf
from streaminstr.django._instrument import instrument, leave_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streaminstr.types import Attribute


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
    said = _Said(name, attributes, enabled)

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
            return await said.heed_later(args, view(*args, **kwargs), clock())

        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            requested = clock()
            response = view(*args, **kwargs)
            heed = said.heed_later if isawaitable(response) else said.heed
            return heed(args, response, requested)

        return async_wrapper if iscoroutinefunction(view) else wrapper

    return decorate


class _Said(NamedTuple):
    """What the decorator was told about the streams of its view."""

    name: str | None
    attributes: Mapping[str, Attribute] | None
    enabled: bool

    def heed(self, args: tuple[Any, ...], response: Any, requested: float) -> Any:
        """Do to the response of a view that was called with `args` what was said; gives it."""
        if not self.enabled:
            leave_out(response)
        elif (request := _request_in(args)) is not None:
            instrument(
                request,
                response,
                name=self.name,
                attributes=self.attributes,
                requested=requested,
            )
        return response

    async def heed_later(self, args: tuple[Any, ...], response: Any, requested: float) -> Any:
        """The same for a coroutine: an async view's, or what `View.dispatch` gives for one."""
        return self.heed(args, await response, requested)


def _request_in(args: tuple[Any, ...]) -> Any:
    """The request among a view's arguments: the first of a function, the second of a method."""
    return next((arg for arg in args[:2] if hasattr(arg, "META")), None)
