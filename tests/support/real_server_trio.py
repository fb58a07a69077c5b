"""The same for trio, where Django does not run: Starlette, in the outermost net or without it."""

from __future__ import annotations

import trio
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

import streaminstr
from real_server_site import async_lines, here
from streaminstr.asgi import StreamScopeMiddleware


async def stream(request):
    ending = request.path_params["ending"]
    body = async_lines(request.url.path, ending, trio.sleep)
    return StreamingResponse(body, media_type="text/plain")


async def in_a_group(url_path, ending):
    """A cancellation leaves such a body as a group of cancellations."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        async for line in async_lines(url_path, ending, trio.sleep):
            yield line
        nursery.cancel_scope.cancel()


async def stream_in_a_group(request):
    path = request.url.path
    body = streaminstr.stream(in_a_group(path, request.path_params["ending"]), name=path)
    return StreamingResponse(body, media_type="text/plain")


async def page(request):
    return PlainTextResponse("page")


plain = Starlette(
    routes=[
        Route("/{who}/async/{ending}", stream),
        Route("/{who}/group/{ending}", stream_in_a_group),
        Route("/{who}/page", page),
    ]
)
ours = StreamScopeMiddleware(plain)


async def asgi(scope, receive, send):
    here.set(scope.get("path", ""))
    is_ours = here.get().startswith("/ours/")
    await (ours if is_ours else plain)(scope, receive, send)
