"""Bodies that Django reads whole before it sends the first byte.

`StreamingHttpResponse` consumes an async body under WSGI, and a sync body under ASGI, at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streaminstr._calls.guard import guarded, logger

if TYPE_CHECKING:
    from streaminstr._handle import Handle

_noted: set[str] = set()
"""Routes whose bodies are known to be read whole."""


def note(handle: Handle, route: str, *, is_asgi: bool) -> None:
    """Note that a body is read whole, and log it once for each route."""
    handle.facts = {**handle.facts, "buffered": True}
    if route not in _noted:
        _noted.add(route)
        guarded(logger.info, _TEXTS[is_asgi], route, default=None)


_WRONG = "Django reads the whole body of %r before it sends the first byte: "
_TEXTS = (
    _WRONG + "the body is async, and the site runs under WSGI. "
    "Return a sync generator from the view, or serve the site by ASGI.",
    _WRONG + "the body is sync, and the site runs under ASGI. "
    "Return an async generator from the view, or serve the site by WSGI.",
)
"""Under WSGI, and under ASGI."""
