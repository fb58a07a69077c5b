"""A site whose bodies note what they see of the request, and where their sync code runs."""

import threading

from asgiref.local import Local
from asgiref.sync import (
    async_to_sync,
    iscoroutinefunction,
    markcoroutinefunction,
    sync_to_async,
)
from django.http import StreamingHttpResponse
from django.urls import path, reverse
from django.utils import timezone, translation

import streaminstr
from streaminstr.django.decorators import stream_scope

tenant = Local()
"""As django-multitenant keeps it, and as Django keeps its language."""
SEEN = ("de", "Asia/Tokyo", "/app/", "tenant of /app/")
"""What a body sees that has lost nothing: language, time zone, script prefix, tenant."""


def see():
    """What the request has bound, as it is seen here."""
    language, zone = translation.get_language(), timezone.get_current_timezone_name()
    return (language, zone, reverse("home"), getattr(tenant, "name", None))


class Bind:
    """Middleware that binds them, in asgiref's Locals, and resets nothing."""

    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        translation.activate("de")
        timezone.activate("Asia/Tokyo")
        tenant.name = request.headers.get("X-Tenant", f"tenant of {reverse('home')}")
        return self.get_response(request)


class Work:
    """Sync code that belongs to the thread in which the view runs its own, as a connection does."""

    def __init__(self):
        self.thread = threading.get_ident()

    def __call__(self):
        """What is seen, and whether this is that thread."""
        return (*see(), threading.get_ident() == self.thread)

    async def later(self):
        return await sync_to_async(self)()


def body(work, log):
    try:
        for number in range(2):
            log.append(("step", see(), async_to_sync(work.later)()))
            yield b"%d" % number
    finally:
        log.append(("clean-up", see(), async_to_sync(work.later)()))


async def async_body(work, log):
    try:
        for number in range(2):
            log.append(("step", see(), await work.later()))
            yield b"%d" % number
    finally:
        log.append(("clean-up", see(), await work.later()))


class Plan:
    """Which body the views return, and what is said of it."""

    body = staticmethod(body)
    wrap = staticmethod(lambda made: made)
    log = ()


def sync_view(request):
    return StreamingHttpResponse(Plan.wrap(Plan.body(Work(), Plan.log)))


async def async_view(request):
    work = await sync_to_async(Work)()
    return StreamingHttpResponse(Plan.wrap(Plan.body(work, Plan.log)))


def stream(made):
    """For `Plan.wrap`."""
    return streaminstr.stream(made, name="own")


urlpatterns = [
    path("", sync_view, name="home"),
    path("sync/", sync_view),
    path("async/", async_view),
    path("decorated/sync/", stream_scope()(sync_view)),
    path("decorated/async/", stream_scope()(async_view)),
]
