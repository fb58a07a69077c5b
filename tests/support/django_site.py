"""A site whose views answer with what the test has made, and middleware that can do one thing."""

import asyncio
from contextvars import ContextVar
from inspect import isawaitable

from django.http import HttpResponse
from django.urls import path, re_path

from streaminstr import current_stream

bound = ContextVar("bound", default="unbound")


class Answer:
    """What gives the next responses."""

    make = staticmethod(lambda request: HttpResponse(b"nothing"))


def sync_view(request, **kwargs):
    bound.set("by the view")
    return Answer.make(request)


async def async_view(request, **kwargs):
    bound.set("by the view")
    response = Answer.make(request)
    return await response if isawaitable(response) else response


urlpatterns = [
    path("", sync_view),
    path("sync/", sync_view),
    path("async/", async_view),
    path("orders/<int:pk>/", sync_view),
    re_path(r"^articles/(?P<year>[0-9]{4})/$", sync_view),
]


class Body:
    """An iterator that notes where its steps ran and where it was closed."""

    def __init__(self, *chunks, error=None):
        self.chunks = list(chunks)
        self.error = error
        self.seen = []
        self.closed = []

    def note(self):
        stream = current_stream()
        return (None if stream is None else stream.info.name, bound.get())

    def __iter__(self):
        return self

    def __next__(self):
        self.seen.append(self.note())
        if self.chunks:
            return self.chunks.pop(0)
        raise self.error or StopIteration

    def close(self):
        self.closed.append(self.note())


class AsyncBody(Body):
    """The same for an async body, which goes to the loop in each step."""

    __iter__ = None

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        self.seen.append(self.note())
        if self.chunks:
            return self.chunks.pop(0)
        raise self.error or StopAsyncIteration


def sync_only(get_response):
    """Middleware that knows nothing of async."""

    def middleware(request):
        return get_response(request)

    return middleware


class Outer:
    """Middleware that gives `change` the response on its way out."""

    change = None

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.change(self.get_response(request))


def wanted(request, response):
    """For FILTER."""
    return "unwanted" not in request.path + request.META.get("QUERY_STRING", "")
