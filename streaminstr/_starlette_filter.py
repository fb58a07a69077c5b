"""What FILTER leaves of the configuration for one response of Starlette or FastAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from streaminstr import _configure
from streaminstr._core.guard import guarded
from streaminstr._exchange import exchange_of
from streaminstr._sifted import asks, sift
from streaminstr._untaken import look_for_trace

if TYPE_CHECKING:
    from streaminstr._core.config import Config
    from streaminstr._nets.protocol import Message


def config_for(scope: Message, response: Any) -> Config:
    """The config of a response; without backends where the FILTER of all leaves it out.

    `response` is None for an endpoint that yields events, whose stream is made before its response:
    a filter sees one of the same type, without a body.
    """
    config = _configure.current()
    guarded(look_for_trace, config, scope, default=None)
    wanted_by = getattr(config, "filter", None)
    exchange = exchange_of(scope)
    if exchange is None or exchange.is_taken or not asks(config, wanted_by):
        return config  # what has its stream already was asked about
    if response is None:
        response = StreamingResponse((), media_type="text/event-stream")
    return sift(config, wanted_by, Request(scope), response)
