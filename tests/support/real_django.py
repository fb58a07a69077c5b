"""Django, set up for these tests, and a program that streams from one view."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import TYPE_CHECKING

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connections
from django.http import StreamingHttpResponse
from django.test import override_settings
from django.urls import path

import real_settings
import real_spans
from real_bodies import Turn

if TYPE_CHECKING:
    from collections.abc import Callable

real_settings.configure()

from streaminstr import asgi, wsgi  # noqa: E402 - the nets of a process that has Django

OURS = "streaminstr.django.middleware.StreamScopeMiddleware"
USERS = ("anna", "bert", "carl", "dora")


def prepare(folder):
    """Make the database, with four users in it."""
    connections.databases["default"]["NAME"] = str(folder / "db.sqlite3")
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User  # noqa: PLC0415 - once Django is set up

    User.objects.bulk_create(User(username=name) for name in USERS)
    connections.close_all()


@dataclass
class Django:
    """A site with one view whose body `make` returns, or with `urls` of its own."""

    make: Callable | None = None
    net: bool = True
    protocol: str = "asgi"
    sync_view: bool = False
    middleware: tuple = ()
    urls: tuple = ()
    path: str = "/stream/{ending}"
    settings: dict = field(default_factory=dict)
    around: Callable | None = None
    """What is round the handler, where it is not the span of the request."""
    options: dict = field(default_factory=dict)
    """For the visit."""
    after: Callable | None = None
    """Called, and under ASGI awaited, once all is over, the event loop still running."""

    @contextmanager
    def running(self, recorder, *, ours):
        """The application without us or with us."""
        backends = recorder.backends if ours else None
        more = {
            "MIDDLEWARE": [*self.middleware, *([OURS] if ours else [])],
            "ROOT_URLCONF": self._urls(),
            "STREAMINSTR": {"BACKEND": backends, "LOG_LEVELS": real_spans.SILENT},
            **self.settings,
        }
        with override_settings(**more):
            yield self._app(net=ours and self.net)

    def _app(self, *, net):
        if self.protocol == "asgi":
            app = (self.around or real_spans.asgi_with_span)(ASGIHandler())
            return asgi.StreamScopeMiddleware(app) if net else app
        app = (self.around or real_spans.wsgi_with_span)(WSGIHandler())
        return wsgi.StreamScopeMiddleware(app) if net else app

    def _urls(self):
        is_sync = self.sync_view or self.protocol == "wsgi"
        view = self._sync_view if is_sync else self._async_view
        return self.urls or (path("stream/<str:ending>", view, name="stream"),)

    def _sync_view(self, request, ending):
        return StreamingHttpResponse(self.make(Turn(ending)), content_type="text/plain")

    async def _async_view(self, request, ending):
        body = self.make(Turn(ending))
        body = await body if isawaitable(body) else body
        return StreamingHttpResponse(body, content_type="text/plain")
