"""A Starlette site of one page, and a visit to it, the test being the server and the client."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from server_by_hand import ByHand
from streaminstr.starlette import instrument


def site(respond, *, ours=True, **options):
    """An application whose page `/numbers/{kind}` answers with `respond(request)`, or its body."""

    async def page(request):
        response = respond(request)
        return response if hasattr(response, "body_iterator") else StreamingResponse(response)

    app = Starlette(routes=[Route("/numbers/{kind}", page)], **options)
    if ours:
        instrument(app)
    return app


async def visit(app, path="/numbers/odd", *, spec_version="2.4", headers=(), **options):
    """One whole request; returns the server that made it."""
    server = ByHand(path, **options)
    server.scope["asgi"]["spec_version"] = spec_version
    server.scope["headers"] += headers
    await server.call(app)
    return server


def visit_in_thread(app, **options):
    """The same in a thread and a loop of its own.

    Under Python 3.11, coverage loses count of a thread's frames where something is thrown into a
    coroutine: the lines of the test after that would not count.
    """
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, visit(app, **options)).result()
