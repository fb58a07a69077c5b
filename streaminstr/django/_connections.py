"""The database connections that a request holds while its body is stepped.

They belong to the thread in which Django runs the request's sync code. Under WSGI that is the
thread that steps the body. Under ASGI it is the one of asgiref's thread-sensitive executor, and the
event loop's thread sees none of them. So they are counted there:

- a sync body: with its first step, in the thread of the step;
- an async body: when the view has returned. The first step stays as it is, with no wait more;
- an async body whose connections are to be released: in its first step, which waits for it.
"""

from __future__ import annotations

from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

from asgiref.sync import AsyncToSync, SyncToAsync, sync_to_async
from django.conf import settings
from django.db import connections

from streaminstr._begun import is_begun
from streaminstr._calls import loop
from streaminstr._calls.guard import guarded, guarded_await

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaminstr._handle import Advance, Handle


def prepare(stream: Any, handle: Handle, *, is_async: bool, is_asgi: bool, release: bool) -> None:
    """Have the connections counted, and those that can be released closed before the first step.

    A body that was entered already may have opened one of them by itself: all are left to it.
    """
    if not settings.DATABASES:
        return
    has_begun = stream._life.started  # noqa: SLF001 - every kind has one
    release = release and not has_begun and not is_begun(stream._body)  # noqa: SLF001
    if release and is_async:
        handle.prelude = _release_in_first_step
    elif not is_async and not has_begun:
        handle.prelude = partial(_with_first_step, None if is_asgi else get_ident(), release)
    elif loop.current() is None:
        guarded(count, handle, default=None)


def count(handle: Handle) -> None:
    """Note how many connections of this thread are open."""
    handle.facts = {**handle.facts, "db_connections": len(_open())}


async def count_where_the_request_ran(handle: Handle) -> None:
    """Note how many connections are open in the thread of the request's sync code, under ASGI."""
    if settings.DATABASES and handle.prelude is None:
        await guarded_await(partial(_in_request, count, handle))


def release_and_count(handle: Handle) -> None:
    """Close this thread's connections that are in no transaction, and note how many stay open."""
    for connection in _open():
        guarded(_release, connection, default=None)
    count(handle)


def _open() -> list[Any]:
    return [one for one in connections.all(initialized_only=True) if one.connection is not None]


def _release(connection: Any) -> None:
    if connection.get_autocommit():  # an atomic block turns it off
        connection.close()


def _with_first_step(
    thread: int | None, release: bool, handle: Handle, advance: Advance
) -> Advance:
    """Look at the connections before a sync body is entered.

    Under WSGI only in the thread of the request: the connections of another one are not its own.
    """
    if thread in (None, get_ident()):
        guarded(release_and_count if release else count, handle, default=None)
    return advance


def _release_in_first_step(handle: Handle, advance: Advance) -> Advance:
    async def first(iterator: Any) -> Any:
        await guarded_await(partial(_in_request, release_and_count, handle))
        return await advance(iterator)

    return first


async def _in_request(work: Callable[[Handle], None], handle: Handle) -> None:
    """Do `work` in the thread of the request's sync code, if it is this request's alone."""
    pool = SyncToAsync.thread_sensitive_context.get(None)
    if pool is not None or getattr(AsyncToSync.executors, "current", None) is not None:
        await sync_to_async(work, thread_sensitive=True)(handle)
