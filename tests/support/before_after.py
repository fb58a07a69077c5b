"""Draws docs/images/before-after.svg: the spans of one streamed response, without us and with us.

    python tests/support/before_after.py > docs/images/before-after.svg

The same site runs twice, in processes of their own, traced by OpenTelemetry's instrumentation of
Django. Its body makes three spans and then raises. tests/docs/test_picture.py runs it again, and
compares all but the times.
"""

from __future__ import annotations

import json
import subprocess
import sys
from html import escape
from operator import itemgetter

SIDES = {"without": "OpenTelemetry's Django instrumentation", "with": "... and streaminstr"}
WIDTH, MARGIN, ROW, TOP, BAR = 470, 16, 26, 62, 190
DARK = "@media (prefers-color-scheme: dark) {.b {fill: #1c1c1e} text:not([fill]) {fill: #ddd}}"
COLOURS = {"trace": ["#4c78a8", "#f2a33c", "#72a35a", "#9a6fb0"], "error": "#d32f2f"}


def recorded(side: str) -> list[dict]:
    """The finished spans of the site, by start: name, trace, parent, times in ms, error."""
    command = [sys.executable, __file__, side]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - this file
    return sorted(json.loads(run.stdout), key=itemgetter("start"))


def summary(spans: list[dict]) -> str:
    """The line below a panel: what an operator would have to go by."""
    traces = len({span["trace"] for span in spans})
    failed = [span["name"] for span in spans if span["error"]]
    found = f"the failure is on {', '.join(failed)}" if failed else "no span says that it failed"
    return f"{traces} trace{'s' * (traces > 1)}; {found}"


def drawn(sides: dict[str, list[dict]]) -> str:
    """The picture."""
    rows = max(map(len, sides.values()))
    height = TOP + rows * ROW + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {height}">',
        f"<style>{DARK}</style>",
        '<g font-family="Helvetica, Arial, sans-serif" font-size="13">',
        f'<rect width="{2 * WIDTH}" height="{height}" rx="8" fill="#fff" class="b"/>',
        f'<path d="M{WIDTH} 16V{height - 16}" stroke="#8888"/>',
    ]
    for number, (side, spans) in enumerate(sides.items()):
        parts.append(f'<g transform="translate({number * WIDTH} 0)">')
        parts += panel(SIDES[side], spans, height)
        parts.append("</g>")
    return "\n".join([*parts, "</g>", "</svg>", ""])


def panel(title: str, spans: list[dict], height: int) -> list[str]:
    """One side: its title, a bar for each span, and the summary."""
    begin = min(span["start"] for span in spans)
    scale = BAR / (max(span["end"] for span in spans) - begin)
    traces = list(dict.fromkeys(span["trace"] for span in spans))
    parts = [text(MARGIN, 34, title, 'font-size="15" font-weight="bold"')]
    for number, span in enumerate(spans):
        y = TOP + number * ROW
        colour = COLOURS["trace"][traces.index(span["trace"])]
        left = WIDTH - MARGIN - BAR + (span["start"] - begin) * scale
        width = max((span["end"] - span["start"]) * scale, 3)
        edge = f' stroke="{COLOURS["error"]}" stroke-width="2.5"' if span["error"] else ""
        parts.append(text(MARGIN + 16 * depth(span, spans), y + 14, span["name"]))
        parts.append(text(180, y + 14, f"trace {traces.index(span['trace']) + 1}", 'fill="#777"'))
        parts.append(
            f'<rect x="{left:.1f}" y="{y + 2}" width="{width:.1f}" height="15" rx="2" '
            f'fill="{colour}"{edge}/>'
        )
    bad = len(traces) > 1
    colour = COLOURS["error"] if bad else "#388e3c"
    parts.append(text(MARGIN, height - 18, summary(spans), f'fill="{colour}" font-weight="bold"'))
    return parts


def text(x: float, y: float, words: str, more: str = "") -> str:
    """One line of text."""
    return f'<text x="{x}" y="{y}" {more}>{escape(words)}</text>'


def depth(span: dict, spans: list[dict]) -> int:
    """How many of `spans` are above one."""
    parent = next((one for one in spans if one["id"] == span["parent"]), None)
    return 0 if parent is None else 1 + depth(parent, spans)


def run_site(side: str) -> None:
    """One request to the site; prints its spans as JSON."""
    import logging  # noqa: PLC0415 - here and below: in the site's own process alone
    import time  # noqa: PLC0415
    from contextlib import suppress  # noqa: PLC0415

    from django.conf import settings  # noqa: PLC0415
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415
    from django.http import StreamingHttpResponse  # noqa: PLC0415
    from django.test import RequestFactory  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.instrumentation.django import DjangoInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: PLC0415
        InMemorySpanExporter,
    )

    def rows():
        for number in range(3):
            with trace.get_tracer("shop").start_as_current_span("query"):
                time.sleep(0.03)
            yield f"order {number}\n"
        msg = "order 3"
        raise LookupError(msg)

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    ours = "streaminstr.django.middleware.StreamScopeMiddleware"
    settings.configure(
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF=(path("export/", lambda _: StreamingHttpResponse(rows())),),
        MIDDLEWARE=[ours] if side == "with" else [],
        STREAMINSTR={"BACKEND": "opentelemetry", "LOG_LEVELS": {"failed": None}},
    )
    logging.disable(logging.CRITICAL)
    DjangoInstrumentor().instrument()
    application = get_wsgi_application()
    response = application(RequestFactory().get("/export/").environ, lambda *_: None)
    with suppress(LookupError):  # what the server would log
        list(response)
    response.close()
    print(json.dumps([as_dict(span) for span in exporter.get_finished_spans()]))  # noqa: T201


def as_dict(span) -> dict:
    """What the picture needs of a span of OpenTelemetry's."""
    return {
        "name": span.name,
        "trace": span.context.trace_id,
        "id": span.context.span_id,
        "parent": span.parent and span.parent.span_id,
        "start": span.start_time / 1e6,
        "end": span.end_time / 1e6,
        "error": not span.status.is_ok,
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_site(sys.argv[1])
    else:
        sys.stdout.write(drawn({side: recorded(side) for side in SIDES}))
