"""What is said of the streams of one endpoint: a note on it, which an ASGI scope leads to.

The endpoint itself stays what it is, so that a framework sees its parameters and its kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from streaminstr._events import markers_of
from streaminstr._response import NOTHING_MORE, Options
from streaminstr._streamed import refuse_bare_use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._events import Marker
    from streaminstr.types import Attribute

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])
_NOTE = "_streaminstr_options"


def stream_scope(
    name: str | None = None,
    *,
    attributes: Mapping[str, Attribute] | None = None,
    enabled: bool = True,
    ends_with: Marker | None = None,
) -> Callable[[EndpointT], EndpointT]:
    """Name the streams of an endpoint, add attributes to them, or leave them out.

    Returns the endpoint itself, a function, a class or a method of one, with a note for
    `instrument(app)`: without that it does nothing. `ends_with` is that of `streaminstr.stream`;
    raises TypeError for an odd marker.
    """
    refuse_bare_use("stream_scope", name)
    options = Options(name, attributes, markers_of(ends_with), enabled=enabled)

    def decorate(endpoint: EndpointT) -> EndpointT:
        setattr(endpoint, _NOTE, options)
        return endpoint

    return decorate


def options_in(scope: Mapping[str, Any]) -> Options:
    """What `stream_scope` says of the endpoint in an ASGI scope, or of its method in a class."""
    endpoint = scope.get("endpoint")
    method = getattr(endpoint, str(scope["method"]).lower(), None)
    notes = (getattr(one, _NOTE, None) for one in (method, endpoint))
    return next(filter(None, notes), NOTHING_MORE)
