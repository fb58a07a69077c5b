"""A limit of open streams: a request over the limit is answered 503. Works without a backend.

Rules: the decision about a response is made once, as it leaves its view. Files, complete responses
and HEAD are neither limited nor counted. A view with a decorator is refused before it runs. While
the process drains, only event streams are refused.
"""

from __future__ import annotations

import random
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from weakref import finalize

from django.http import FileResponse, HttpResponse

from streaminstr import _configure, _http, _stopping
from streaminstr._calls.guard import call, guarded
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.config import OFF
from streaminstr._core.stream import Stream
from streaminstr._process.limit import Slot, Slots, let_in, note_refusal, of_process
from streaminstr.django import conf
from streaminstr.django._instrument import route_of
from streaminstr.django._keys import check_limit
from streaminstr.types import StreamInfo, StreaminstrError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    from django.http import HttpRequest

    from streaminstr.types import Attribute

_SOONEST, _LATEST = 1, 10
"""Range of `Retry-After`, in seconds. Random, so that clients do not all return at once."""
_COUNTED = "_streaminstr_counted"
"""Attribute of a response for which the decision about the limit has been made."""


class Unavailable(HttpResponse):
    """A 503 that Django does not log as an error: `log_response` would mail it to the admins."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    _has_been_logged = True

    def __init__(self, text: str) -> None:
        super().__init__(text, content_type="text/plain; charset=utf-8")

    def __await__(self) -> Generator[Any, None, Self]:
        """Return itself: the decorator cannot see whether a `dispatch` is about to be awaited."""
        yield from ()
        return self


Decision = Slot | Unavailable | None
"""A slot, a refusal, or None: nothing limits the response."""


class ViewLimit(NamedTuple):
    """The limit of the streams of one view."""

    limit: int
    slots: Slots


def view_limit(limit: int | None) -> ViewLimit | None:
    """What the decorator's `limit` says; raises StreaminstrError."""
    check_limit("stream_scope(limit=...)", limit)
    return None if limit is None else ViewLimit(limit, Slots())


def enter(request: HttpRequest | None, view: ViewLimit | None = None) -> Decision:
    """A slot for what `request` may stream, a refusal, or None where nothing is limited."""
    loaded = setting()
    is_limited = view is not None or (loaded is not None and loaded.is_limited)
    if not is_limited or request is None or request.method == "HEAD":
        return None
    slot = Slot()
    if view is not None and not view.slots.take(slot, _now(view.limit)):
        return _refuse(request, f"{view.limit} streams of its view are open")
    limit = None if loaded is None else loaded.limit
    if limit is not None and not of_process.take(slot, _now(limit)):
        slot.release()
        return _refuse(request, f"{limit} streams are open in this process")
    return slot


def leave(entered: Decision) -> None:
    """Release a slot whose view raised."""
    if isinstance(entered, Slot):
        entered.release()


def decide(request: HttpRequest | None, response: Any, loaded: conf.Loaded | None) -> Decision:
    """The same as `enter` for a response, if nothing was decided about it yet."""
    if loaded is None or not loaded.is_limited:
        return None
    if not _is_limitable(response) or _COUNTED in vars(response):
        return None
    return check(request, response, enter(request))


def check(request: HttpRequest | None, response: Any, entered: Decision) -> Decision:
    """The result of `enter` for a view, once its response exists."""
    if not isinstance(entered, Slot) or request is None:
        return entered
    if not _is_limitable(response):
        entered.release()
        return None
    vars(response)[_COUNTED] = True
    is_event_stream = _http.kind_of(response.get("Content-Type")) == "sse"
    if is_event_stream and _stopping.refuses() and not let_in.get():
        entered.release()
        return _refuse(request, "the process drains")
    return entered


def close_unread(response: Any) -> None:
    """Close a response that is not sent, as its `close` does, but end no request.

    `HttpResponse.close` sends `request_finished`, and the request goes on. An async generator that
    was never started has nothing to clean up.
    """
    closers = response._resource_closers  # noqa: SLF001 - see `_instrument._replace_body`
    owed, closers[:] = list(closers), []
    for close in owed:
        guarded(close, default=None)  # Django ignores its errors as well


def hold(response: Any, slot: Slot | None) -> None:
    """Release the slot when the response's body ends, is closed, or is dropped."""
    if slot is None or not slot.is_counted:
        return
    body = response._iterator  # noqa: SLF001 - see `_instrument._replace_body`
    if isinstance(body, Stream | AsyncStream):
        finalize(body, slot.release).atexit = False
        life = body._life  # noqa: SLF001 - every kind has one
        handle: Any = life.handle
        handle.then = slot.release
        if life.outcome is not None:  # a body that was primed, and is empty
            slot.release()
    else:
        kind = _AsyncCounted if response.is_async else _Counted
        response._iterator = kind(body, slot)  # noqa: SLF001 - see above
    response._resource_closers.append(slot.release)  # noqa: SLF001 - see above


class _Counted:
    """A body without a scope, which holds a slot."""

    def __init__(self, iterator: Iterator[Any], slot: Slot) -> None:
        self._iterator, self._slot = iterator, slot

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._iterator)
        except BaseException:
            self._slot.release()
            raise


class _AsyncCounted:
    """The same for an async body."""

    def __init__(self, iterator: AsyncIterator[Any], slot: Slot) -> None:
        self._iterator, self._slot = iterator, slot

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._iterator)
        except BaseException:
            self._slot.release()
            raise


def setting() -> conf.Loaded | None:
    """What STREAMINSTR says. One that goes wrong later is reported where the scope is made."""
    try:  # not `suppress`, for speed
        return conf.loaded()
    except StreaminstrError:
        return None


def _is_limitable(response: Any) -> bool:
    """Whether it is a stream. A view may return anything, also None."""
    return getattr(response, "streaming", False) and not isinstance(response, FileResponse)


def _now(limit: int | None) -> int | None:
    """The limit that applies now: while the process drains, none does."""
    return None if _stopping.draining else limit


def _refuse(request: HttpRequest, why: str) -> Unavailable:
    route = route_of(request)
    name = _http.name_of(request.method, route)
    note_refusal(name, why)
    info = StreamInfo(name=name, attributes=_describe(request, route))
    for backend in guarded(_configure.current, default=OFF).backends:
        if guarded(hasattr, backend, "refused", default=False):  # our own that has metrics
            call(backend, "refused", info, default=None)
    refusal = Unavailable("Too many open streams. Try again later.\n")
    refusal["Retry-After"] = str(random.randint(_SOONEST, _LATEST))  # noqa: S311 - no secret
    return refusal


def _describe(request: HttpRequest, route: str | None) -> dict[str, Attribute]:
    return _http.describe(
        method=request.method,
        route=route,
        status=HTTPStatus.SERVICE_UNAVAILABLE.value,
        path=request.path,
        content_type=None,
    )
