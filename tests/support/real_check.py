"""One program without us and with us: nothing may differ but that there is a scope."""

from __future__ import annotations

from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING

import real_spans
from real_seen import trouble
from real_visit import AsgiVisit, WsgiVisit

if TYPE_CHECKING:
    from collections import Counter

    from real_seen import Seen

OUTCOMES = {"full": "completed", "fails": "failed"}


@dataclass
class Visit:
    """What was seen, logged and recorded of one request."""

    seen: Seen
    trouble: Counter
    recorder: real_spans.Recorder


def visit(site, ending, *, ours, context=None):
    """One request to the program of `site`, for a client that does what `ending` says.

    `context` is where the server runs, a new one unless given.
    """
    recorder = real_spans.Recorder()
    kind = AsgiVisit if site.protocol == "asgi" else WsgiVisit
    with site.running(recorder, ours=ours) as app, trouble() as found:
        path, run = site.path.format(ending=ending), kind(ending, **site.options).run
        context = Context() if context is None else context
        seen = context.run(run, app, path, found, site.after)
        del app
    seen.notes = [*real_spans.notes]
    return Visit(seen, found.lines, recorder)


def compare(site, ending, *, begun=False):
    """Both visits, first without us, then with us. What is seen and logged has to be the same.

    `begun` is for a body that was entered before we see it: we log that it is not isolated.
    """
    plain = visit(site, ending, ours=False)
    assert _is_sound(plain.seen, ending), f"the program does not work without us: {plain}"
    ours = visit(site, ending, ours=True)
    if begun and site.net:  # what such a body leaves current, the net keeps from the server
        plain.seen.current = ours.seen.current
    assert ours.seen == plain.seen
    more = ours.trouble - plain.trouble
    assert not [line for line in more if not (begun and " streaminstr" in line)]
    return plain, ours


def check(site, ending, *, outcome=None, parent="request", inside="stream", begun=False):
    """The same, and there is one scope: with the right outcome, where it belongs in the trace.

    `outcome` where it is not what the ending says. `parent` and `inside`: the names of the spans
    that are parents of the stream and of what the body does; None where that is not our subject.
    """
    plain, ours = compare(site, ending, begun=begun)
    assert ours.recorder.streams == [outcome or expected(site, ending)]
    (stream,) = ours.recorder.recording.started
    assert stream.events.count("close") == 1
    assert parent is None or ours.recorder.parents(stream.name) == {parent}
    inside = {"stream": {stream.name}, "request or stream": {"request", stream.name}}.get(
        inside, inside and {inside}
    )
    assert inside is None or ours.recorder.parents("note") <= inside
    return plain, ours


def expected(site, ending):
    """The outcome, and who cut the stream where the outermost net knows it."""
    if ending in OUTCOMES:
        return OUTCOMES[ending]
    return "cancelled by client" if site.net and site.protocol == "asgi" else "cancelled"


def _is_sound(seen, ending):
    """Whether the program ends as the test says by itself."""
    if ending == "full":
        return seen.body and seen.is_complete and seen.error is None
    if ending == "fails":
        return seen.error is not None and "Timeout" not in seen.error
    return seen.body and "Timeout" not in str(seen.error)
