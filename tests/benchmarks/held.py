"""What an open response holds in Django's own handlers, with the middleware and the nets."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from io import BytesIO
from typing import TYPE_CHECKING, Any

from bodies import NO_LOGS
from figures import Figure, arguments, show
from handlers import NETS
from vendors import BACKENDS, provider

import django_site
from streaminstr import _configure

if TYPE_CHECKING:
    from collections.abc import Iterator

RESPONSES = 2_000
BUDGET = "2.5 / 2.0 KiB"
"""In plain Python / compiled; with both nets, on top of the vendor's own span."""


def by_wsgi(app: Any) -> float:
    """Bytes of an open response, after its first chunk."""

    def respond() -> Any:
        environ = {**django_site.ENVIRON, "wsgi.input": BytesIO()}
        response = app(environ, lambda *_: None)
        next(iter(response))
        return response

    respond().close()
    gc.collect()
    tracemalloc.start()
    responses = [respond() for _ in range(RESPONSES)]
    held = taken()
    for response in responses:
        response.close()
    return held


def by_asgi(app: Any) -> float:
    """The same; each response is a task that waits for its client."""
    return asyncio.run(_by_asgi(app))


async def _by_asgi(app: Any) -> float:
    async def respond() -> None:
        heard = asyncio.Queue[dict[str, Any]]()
        heard.put_nowait({"type": "http.request", "body": b"", "more_body": False})

        async def send(message: dict[str, Any]) -> None:
            if message.get("body"):
                await asyncio.Event().wait()

        await app(dict(django_site.SCOPE), heard.get, send)

    async def opened(count: int) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(respond()) for _ in range(count)]
        for _ in range(20):  # until all wait in `send`
            await asyncio.sleep(0)
        return tasks

    before = await opened(1)
    gc.collect()
    tracemalloc.start()
    tasks = await opened(RESPONSES)
    held = taken()
    for task in (*before, *tasks):
        task.cancel()
    await asyncio.gather(*before, *tasks, return_exceptions=True)
    return held


def taken() -> float:
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / RESPONSES


OPEN = {"WSGI": by_wsgi, "ASGI": by_asgi}


def own_span() -> float:
    """Bytes of a span of OpenTelemetry's that is open."""
    tracer = provider.get_tracer("streaminstr")
    gc.collect()
    tracemalloc.start()
    known = {"http.route": "sync", "http.request.method": "GET"}
    spans = [tracer.start_span("GET sync", attributes=known) for _ in range(RESPONSES)]
    held = taken()
    for span in spans:
        span.end()
    return held


def figures(kind: str) -> Iterator[Figure]:
    bare = OPEN[kind](django_site.handler(kind, []))
    ours = django_site.handler(kind, [django_site.OURS])
    for vendor, span in (("no vendor", 0.0), ("OpenTelemetry SDK", own_span())):
        with _configure.forced(_configure.build(BACKENDS[vendor], log_levels=NO_LOGS)):
            for name, app in (("middleware", ours), ("middleware and net", NETS[kind](ours))):
                more = OPEN[kind](app) - bare - span
                yield Figure(
                    what=f"memory of an open response, {kind}, {vendor}, {name}",
                    found=f"{more / 1024:.2f} KiB on top of {(bare + span) / 1024:.2f}",
                    against="the same handler without us, and the vendor's own span",
                    budget=BUDGET if name.endswith("net") else "",
                )


if __name__ == "__main__":
    given = arguments(__doc__, rounds=1)
    django_site.set_up()
    show([figure for kind in NETS for figure in figures(kind)], given.json)
