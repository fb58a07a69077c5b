"""Options for the streams of an application or of one endpoint, stored as an attribute.

The ASGI scope of a request leads to the endpoint and its options. The endpoint is not wrapped, so a
framework still sees its parameters and its kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from streaminstr import _configure
from streaminstr._calls.guard import guarded
from streaminstr._core.config import OFF
from streaminstr._events import markers_by_route, markers_of
from streaminstr._mistakes import Mistakes
from streaminstr._response import NOTHING_MORE, Options
from streaminstr._sifted import filter_of, sift
from streaminstr._streamed import refuse_bare_use
from streaminstr._untaken import look_for_trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._core.config import Config
    from streaminstr._events import Marker
    from streaminstr._sifted import Filter
    from streaminstr.types import Attribute

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])
_NOTE = "_streaminstr_options"
_OTHERS = "Put streaminstr.asgi.StreamScopeMiddleware round any other one."


class Choice(NamedTuple):
    """What an application says of all its streams."""

    filter: Filter | None
    ends_with: Mapping[str, tuple[bytes, ...]]
    """End markers by route."""


def choice_of(app: Any, chosen: Any, ends_with: Any) -> Choice:
    """What the keywords `filter` and `ends_with` say.

    Raises StreaminstrError, which lists all that is wrong, `app` included.
    """
    mistakes = Mistakes()
    if not hasattr(app, "user_middleware"):
        mistakes.add("app", f"{app!r:.80} is no application of Starlette or FastAPI. {_OTHERS}")
    markers = mistakes.collect("ends_with", markers_by_route, "ends_with", ends_with or {})
    chosen = mistakes.collect("filter", filter_of, "filter", chosen)
    mistakes.tell()
    return Choice(chosen, markers or {})


def stream_scope(
    name: str | None = None,
    *,
    attributes: Mapping[str, Attribute] | None = None,
    enabled: bool = True,
    ends_with: Marker | None = None,
) -> Callable[[EndpointT], EndpointT]:
    """Name the streams of an endpoint, add attributes to them, or exclude them.

    Returns the endpoint itself (a function, a class or a method) with options for
    `instrument(app)`, without which it does nothing. `ends_with` is that of `streaminstr.stream`.
    Raises TypeError for an invalid marker.
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
    return getattr(method, _NOTE, None) or getattr(endpoint, _NOTE, None) or NOTHING_MORE


def config_for(scope: Mapping[str, Any], choice: Choice, request: Any, response: Any) -> Config:
    """The config of a response; without backends where it is to have no scope.

    `request` and `response` are the framework's own, for the filters: that of the application, then
    those of the configuration.
    """
    config = _configure.current()
    guarded(look_for_trace, config, scope, default=None)
    chosen = choice.filter
    is_in = chosen is None or guarded(chosen, request, response, default=True)
    if not is_in or not options_in(scope).enabled:
        return OFF
    return sift(config, getattr(config, "filter", None), request, response)
