"""Names and attributes of an HTTP exchange, the same for all adapters.

Names follow opentelemetry.io/docs/specs/semconv/http/http-spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streaminstr import attributes as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._events import Kind
    from streaminstr.types import Attribute

_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_BODILESS = frozenset({204, 304})


def name_of(method: str | None, route: str | None) -> str:
    """Method and route pattern: `GET orders/<int:pk>/`. Never the path, which has no bounds."""
    first = method if method in _METHODS else "HTTP"
    return f"{first} {route}" if route else str(first)


def describe(
    *,
    method: str | None,
    route: str | None,
    status: int | None,
    path: str,
    content_type: str | None,
) -> dict[str, Attribute]:
    """Attributes of the exchange. No query string, no header of the client, no cookie."""
    attributes: dict[str, Attribute | None] = {
        names.HTTP_METHOD: method if method in _METHODS else "_OTHER",
        names.HTTP_ROUTE: route,
        names.HTTP_STATUS: status,
        names.URL_PATH: path,
        names.CONTENT_TYPE: (content_type or "").partition(";")[0] or None,
    }
    return {key: value for key, value in attributes.items() if value is not None}


def kind_of(content_type: str | None) -> Kind | None:
    """The kind of a body, by its media type: `sse` for an event stream."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return "sse" if media_type == "text/event-stream" else None


def is_resumed(environ: Mapping[str, Any]) -> bool:
    """Whether an event stream is asked for from where it broke off: a WSGI environ, or META."""
    return "HTTP_LAST_EVENT_ID" in environ


def has_body(method: str | None, status: int | None) -> bool:
    """Whether a response has content at all: RFC 9110, 6.4.1."""
    return method != "HEAD" and (status is None or (status >= 200 and status not in _BODILESS))  # noqa: PLR2004 - a class of status codes
