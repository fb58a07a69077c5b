"""The middleware: a scope for each streaming response."""

from __future__ import annotations

from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import MiddlewareNotUsed

from streaminstr import _configure
from streaminstr.django import _limit, conf
from streaminstr.django._instrument import instrument, instrument_later, take_response
from streaminstr.log.structured import is_thread_local

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class StreamScopeMiddleware:
    """List it last in MIDDLEWARE. Innermost, it sees everything that the request has bound.

    The response decides whether a body is sync or async, never the mode of the middleware itself.
    Raises StreaminstrError at start-up if STREAMINSTR is wrong.
    """

    sync_capable = True
    async_capable = True

    def __init__(
        self,
        get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]],
    ) -> None:
        self.get_response: Any = get_response
        conf.adopt()
        setting = conf.loaded()
        if not _configure.configured().backends and not (setting and setting.is_limited):
            msg = "streaminstr is turned off: its backend is None, and nothing is limited"
            raise MiddlewareNotUsed(msg)
        self.async_mode = iscoroutinefunction(get_response)
        if self.async_mode:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        # An outermost net cannot know what is streamed; the response itself does.
        take_response(request)
        # The switch is here, and not in two classes, as in Django's own MiddlewareMixin.
        if self.async_mode:
            return self.__acall__(request)
        requested = clock()
        response = self.get_response(request)
        if not response.streaming:
            return response
        setting = _limit.setting()
        decision = _limit.decide(request, response, setting)
        if isinstance(decision, _limit.Unavailable):
            _limit.close_unread(response)
            return decision
        instrument(request, response, requested=requested, setting=setting)
        _limit.hold(response, decision)
        return response

    async def __acall__(self, request: HttpRequest) -> Any:
        requested = clock()
        response = await self.get_response(request)
        if not response.streaming:
            return response
        setting = _limit.setting()
        decision = _limit.decide(request, response, setting)
        if isinstance(decision, _limit.Unavailable):
            await sync_to_async(_limit.close_unread)(response)  # where Django closes it
            return decision
        if is_thread_local():  # bound in the thread where sync middleware runs
            await sync_to_async(instrument)(request, response, requested=requested, setting=setting)
        else:
            await instrument_later(request, response, requested=requested, setting=setting)
        _limit.hold(response, decision)
        return response
