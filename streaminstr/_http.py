"""Names and attributes of an HTTP exchange, the same for all adapters.

Names follow opentelemetry.io/docs/specs/semconv/http/http-spans.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from streaminstr import attributes as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._events import Kind
    from streaminstr.types import Attribute

_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
LAST_EVENT_ID = "HTTP_LAST_EVENT_ID"
"""Key of a WSGI environ, or META: an event stream is asked for from where it broke off."""
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
    attributes: dict[str, Attribute] = {
        names.HTTP_METHOD: method if method is not None and method in _METHODS else "_OTHER"
    }
    if route is not None:
        attributes[names.HTTP_ROUTE] = route
    if status is not None:
        attributes[names.HTTP_STATUS] = status
    attributes[names.URL_PATH] = path
    if content_type and (media_type := content_type.partition(";")[0]):
        attributes[names.CONTENT_TYPE] = media_type
    return attributes


def kind_of(content_type: str | None) -> Kind | None:
    """The kind of a body, by its media type: `sse` for an event stream."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return "sse" if media_type == "text/event-stream" else None


def is_resumed_in(scope: Mapping[str, Any]) -> bool:
    """Whether an event stream is asked for from where it broke off, by an ASGI scope."""
    headers = scope.get("headers") or ()
    # What can be read once is the application's to read.
    return not isinstance(headers, Iterator) and b"last-event-id" in dict(headers)


def route_of(scope: Mapping[str, Any]) -> str | None:
    """The pattern of the route that Starlette or FastAPI left in an ASGI scope; None without one.

    It begins with what the route is mounted under and, in FastAPI, with the prefix of its router.
    """
    route = scope.get("route")
    path = getattr(_included(scope, route) or route, "path", None)
    if not isinstance(path, str):
        return None
    # A mount moves its part of the path to `root_path`, and keeps here what that was before.
    outer = scope.get("app_root_path")
    prefix = "" if outer is None else scope.get("root_path", "")[len(outer) :]
    for name, value in (scope.get("path_params") or {}).items():
        parts = prefix.split("/")
        prefix = "/".join(f"{{{name}}}" if part == str(value) else part for part in parts)
    is_mount = hasattr(route, "routes")
    return prefix if is_mount and prefix else prefix + path


def _included(scope: Mapping[str, Any], route: object) -> Any:
    """FastAPI's own record of a route that came with a router: there the path has its prefix."""
    own = scope.get("fastapi")
    record = own.get("effective_route_context") if isinstance(own, dict) else None
    return record if getattr(record, "original_route", None) is route else None


def has_body(method: str | None, status: int | None) -> bool:
    """Whether a response has content at all: RFC 9110, 6.4.1."""
    return method != "HEAD" and (status is None or (status >= 200 and status not in _BODILESS))  # noqa: PLR2004 - a class of status codes
