"""`streaminstr backends --check`: sends one stream through the backends, and reports the result.

Delivery is claimed only for data that a receiver on this host has seen, because a vendor's flush
returns without an error even if no receiver listens.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streaminstr import _configure, stream
from streaminstr.command.table import say
from streaminstr.command.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streaminstr import Backend
    from streaminstr.command.decode import ReceivedSpan
    from streaminstr.command.receiver import Arrival, Receiver

NAME = "streaminstr.check"
CHUNKS = (b"one ", b"two ", b"three")
SECONDS = 5.0
"""How long a flush may take, and then the way to the receiver."""
VENDORS = ("opentelemetry", "ddtrace")
"""Loggers of libraries that report there when something could not be sent."""


def try_out(backends: tuple[Backend, ...], receiver: Receiver | None = None) -> int:
    """Send one stream through the backends, print how it ended, and return the exit code."""
    if not backends:
        say("Nothing to check: the backend None turns everything off.")
        return 0
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # unless the settings did
    witnesses = tuple(Witness(backend) for backend in backends)
    with _vendors_complaints() as complaints:
        _send(witnesses)
    for witness in witnesses:
        say(f"\n{witness.name}")
        for note in witness.notes:
            say(f"  {note}")
    for complaint in complaints.values():
        say(f"\nThe vendor says: {complaint}")
    has_arrived = True if receiver is None else _show(receiver)
    if receiver is None and any(witness.has_ids for witness in witnesses):
        say(
            "\nWhether it arrived is not known here. Look for the ids above at the vendor, or see "
            "with --receiver what this process sends."
        )
    failed = bool(complaints) or any(witness.failed for witness in witnesses)
    return int(failed or not has_arrived)


def _send(witnesses: tuple[Witness, ...]) -> None:
    with _configure.forced(_configure.assemble(witnesses)):
        for _ in stream(CHUNKS, name=NAME):
            pass
    for witness in witnesses:
        witness.flush(SECONDS)


class _Kept(logging.Handler):
    """Keeps warnings and errors, the first of each kind."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.setdefault(str(record.msg), record.getMessage().strip().partition("\n")[0])


@contextmanager
def _vendors_complaints() -> Iterator[Mapping[str, str]]:
    """What the vendors log meanwhile, by its kind."""
    kept = _Kept()
    loggers = [logging.getLogger(name) for name in VENDORS]
    for logger in loggers:
        logger.addHandler(kept)
    try:
        yield kept.texts
    finally:
        for logger in loggers:
            logger.removeHandler(kept)


def _show(receiver: Receiver) -> bool:
    """Print what has arrived; returns whether the stream has."""
    has_arrived = receiver.wait_for(_has_the_stream, SECONDS)
    arrivals = receiver.arrivals()
    say(f"\nReceived on {receiver.url}: {'nothing' if not arrivals else ''}".rstrip())
    for arrival in arrivals:
        say(f"  {_line(arrival)}")
    if not has_arrived:
        variables = " ".join(f"{key}={value}" for key, value in receiver.environment.items())
        say(
            f"  The stream has not arrived within {SECONDS:g} s. Have the process send here:\n"
            f"  {variables}"
        )
    return has_arrived


def _has_the_stream(arrivals: list[Arrival]) -> bool:
    return any(span.name == NAME for arrival in arrivals for span in arrival.spans)


def _ids(arrival: Arrival, span: ReceivedSpan) -> str:
    """The ids as they are on the vendor's log lines, and among the notes above."""
    if arrival.protocol.startswith("Datadog"):
        return f"dd.trace_id={span.trace_id} dd.span_id={int(span.span_id, 16)}"
    return f"trace_id={span.trace_id} span_id={span.span_id}"


def _line(arrival: Arrival) -> str:
    if arrival.problem:
        return f"{arrival.protocol}, {arrival.size} bytes: {arrival.problem}"
    spans = [
        f"span {span.name!r} of service {span.service!r}, "
        + (_ids(arrival, span) if span.name == NAME else "not ours")
        for span in arrival.spans
    ]
    metrics = sorted({point.name for point in arrival.points})
    told = [*spans, *([f"metrics {', '.join(metrics)}"] if metrics else [])]
    shown = "; ".join(told) or "neither spans nor metrics"
    return f"{arrival.protocol}, {arrival.size} bytes: {shown}"
