"""The same visits with the library turned off: what there would have been to see of each."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from django.conf import settings

from streaminstr.demo.lines import lines_go_to
from streaminstr.demo.servers import asgi_server, wsgi_server
from streaminstr.demo.visits import visits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streaminstr.demo.lines import Line
    from streaminstr.demo.spans import Recorder, Span

SERVERS = {"WSGI": wsgi_server, "ASGI": asgi_server}


def seen_without(recorder: Recorder) -> dict[str, str]:
    """Visit the site without the library; what was seen of each visit, by its request id.

    Each visit has a server of its own, which ends before the next one begins: without a tree,
    nothing else says which spans belong to which request.
    """
    before, settings.STREAMINSTR = settings.STREAMINSTR, {"BACKEND": None}
    summaries = {}
    try:
        for server, serve in SERVERS.items():
            for number in range(len(visits(server, 0))):
                lines: list[Line] = []
                earlier = len(recorder.spans())
                with lines_go_to(lines.append), serve() as port:
                    visit = visits(server, port)[number]
                    visit.send(visit)
                gc.collect()  # a body that was left open is cleaned up at some time
                summaries[visit.request_id] = summary(recorder.spans()[earlier:], lines)
    finally:
        settings.STREAMINSTR = before
    return summaries


def summary(spans: Sequence[Span], lines: Sequence[Line]) -> str:
    """One line about a visit: its traces, its log lines, and that nothing says how it ended."""
    traces = len({span.trace_id for span in spans})
    facts = [f"{traces} traces" if traces > 1 else "1 trace", "no outcome"]
    lost = sum(line.trace_id == "-" for line in lines)
    if lost:
        facts.append(f"{lost} log line{'s' * (lost > 1)} without ids")
    return ", ".join(facts)
