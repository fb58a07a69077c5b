"""The same for trio, where Django does not run: Starlette, in the outermost net or without it."""

from __future__ import annotations

import anyio
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from real_server_site import async_lines
from streaminstr.asgi import StreamScopeMiddleware


async def stream(request):
    ending = request.path_params["ending"]
    body = async_lines(request.url.path, ending, anyio.sleep)
    return StreamingResponse(body, media_type="text/plain")


async def page(request):
    return PlainTextResponse("page")


plain = Starlette(routes=[Route("/{who}/async/{ending}", stream), Route("/{who}/page", page)])
ours = StreamScopeMiddleware(plain)


async def asgi(scope, receive, send):
    is_ours = scope.get("path", "").startswith("/ours/")
    await (ours if is_ours else plain)(scope, receive, send)
