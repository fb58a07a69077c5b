"""Options for the streams of one view."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import contextmanager
from inspect import isasyncgenfunction, isawaitable, isgeneratorfunction
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from asgiref.sync import iscoroutinefunction, sync_to_async

from streaminstr._events import markers_of
from streaminstr._response import Options
from streaminstr._streamed import refuse_bare_use
from streaminstr._wrap import name_of
from streaminstr.django import _limit, conf
from streaminstr.django._instrument import claim, instrument, instrument_later
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    limit: int | None = None,
) -> Callable[[ViewT], ViewT]:
    """Name the streams of a view, add attributes to them, or exclude them.

    Works on function views and async views, on class-based views with `method_decorator`, and on
    either side of DRF's `@api_view`, with the middleware and without it. `ends_with` is that of
    `streaminstr.stream`. `release_connections` says whether the database connections of the request
    are closed before the first step; None: the setting applies. `limit` is the largest number of
    open streams of the view in one process: one more request is answered 503, and the view does not
    run. Raises StreaminstrError for a generator function, because it returns no response, and for a
    limit that is not a whole number above 0. Raises TypeError for an invalid marker or flag.
    """
    refuse_bare_use("stream_scope", name)
    conf.adopt()
    _check_release(release_connections)
    described = Options(name, attributes, markers_of(ends_with), release_connections, enabled)
    options = _Scoped(described, _limit.view_limit(limit))

    def decorate(view: Any) -> Any:
        _refuse_generator_function(view)
        return _decorated(view, options)

    return decorate


def _decorated(view: Any, options: _Scoped) -> Any:
    @functools.wraps(view)
    async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
        requested = clock()
        visit = options.enter(args)
        if visit.is_refused:
            return visit.entered
        with visit.released_on_error():
            return await options.apply_later(visit, view(*args, **kwargs), requested)

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        requested = clock()
        visit = options.enter(args)
        if visit.is_refused:
            return visit.entered
        with visit.released_on_error():
            response = view(*args, **kwargs)
        # A view that this decorator has refused already is awaitable, too.
        is_later = isawaitable(response) and not isinstance(response, _limit.Unavailable)
        apply = options.apply_later if is_later else options.apply
        return apply(visit, response, requested)

    return async_wrapper if iscoroutinefunction(view) else wrapper


class _Scoped(NamedTuple):
    """One use of the decorator."""

    options: Options
    limit: _limit.ViewLimit | None

    def enter(self, args: tuple[Any, ...]) -> _Visit:
        """Ask whether the view may be run for a request; `args` are its arguments."""
        request = _request_in(args)
        return _Visit(request, _limit.enter(request, self.limit))

    def apply(self, visit: _Visit, response: Any, requested: float) -> Any:
        """Apply the options to the response of the view; return what is to be sent."""
        decision = visit.check(response)
        if isinstance(decision, _limit.Unavailable):
            _limit.close_unread(response)
            return decision
        if self._is_wanted(visit.request, response):
            instrument(visit.request, response, self.options, requested=requested)
        _limit.hold(response, decision)
        return response

    async def apply_later(self, visit: _Visit, response: Any, requested: float) -> Any:
        """The same for an awaitable: an async view's, or what `View.dispatch` returns for one."""
        with visit.released_on_error():
            response = await response
        decision = visit.check(response)
        if isinstance(decision, _limit.Unavailable):
            await sync_to_async(_limit.close_unread)(response)
            return decision
        if self._is_wanted(visit.request, response):
            await instrument_later(visit.request, response, self.options, requested=requested)
        _limit.hold(response, decision)
        return response

    def _is_wanted(self, request: Any, response: Any) -> bool:
        """Whether a response gets a scope."""
        if not self.options.enabled:
            claim(request, response)
        return self.options.enabled and request is not None


def _check_release(given: Any) -> None:
    """Raise TypeError for what is neither a bool nor None."""
    if given is not None and not isinstance(given, bool):
        msg = f"release_connections is {given!r:.80}. Write True or False."
        raise TypeError(msg)


class _Visit(NamedTuple):
    """One request to a decorated view, and the slot that it has taken."""

    request: Any
    entered: _limit.Decision

    @property
    def is_refused(self) -> bool:
        return isinstance(self.entered, _limit.Unavailable)

    def check(self, response: Any) -> _limit.Decision:
        """Decide about the response, which may not be a stream."""
        return _limit.check(self.request, response, self.entered)

    @contextmanager
    def released_on_error(self) -> Iterator[None]:
        """Release the slot of a view that raises: it answers with no stream."""
        try:
            yield
        except BaseException:
            _limit.leave(self.entered)
            raise


def _refuse_generator_function(view: Any) -> None:
    """Raise StreaminstrError: a framework could not see any more what kind of view it is."""
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
