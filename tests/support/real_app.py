"""A program that is no Django site, with the outermost net round it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import real_spans
import streaminstr
from streaminstr import asgi, wsgi

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class App:
    """`make()` returns the application, and does so anew for each visit."""

    make: Callable
    protocol: str
    path: str = "/stream/{ending}"
    net: bool = True
    instrument: Callable | None = None
    """An adapter's, called with the application."""
    has_span: bool = True
    """Whether there is a span of the request."""
    options: dict = field(default_factory=dict)
    """For the visit."""
    after: Callable | None = None
    """Called, and under ASGI awaited, once all is over, the event loop still running."""

    @contextmanager
    def running(self, recorder, *, ours):
        """The application without us or with us."""
        backends = recorder.backends if ours else None
        streaminstr.configure(backend=backends, log_levels=real_spans.SILENT)
        try:
            yield self._app(ours=ours)
        finally:
            streaminstr.configure(backend=None)

    def _app(self, *, ours):
        """The span of the request is where instrumentation of that protocol has it."""
        app, net = self.make(), ours and self.net
        if ours and self.instrument is not None:
            self.instrument(app)
        if self.protocol == "asgi":
            app = real_spans.asgi_with_span(app) if self.has_span else app
            return asgi.StreamScopeMiddleware(app) if net else app
        app = wsgi.StreamScopeMiddleware(app) if net else app
        return real_spans.wsgi_with_span(app) if self.has_span else app
