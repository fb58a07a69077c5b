"""The value of the fixture `streams`: assertions, and servers that a test controls."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streaminstr import _configure, _handle
from streaminstr.testing._recording import RecordingBackend
from streaminstr.testing._servers import AsyncServer, Server
from streaminstr.types import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streaminstr.testing._recording import RecordedStream


@contextmanager
def recorded_streams() -> Iterator[Streams]:
    """A `RecordingBackend` and the log are the only active backends inside the block."""
    streams = Streams()
    before, _handle.strict = _handle.strict, True  # a wrong call of a body's raises in tests
    try:
        with _configure.forced(_configure.build(streams.backend)):
            yield streams
            streams.assert_none_open()
    finally:
        _handle.strict = before


class Streams(Server, AsyncServer):
    """The streams of one test, in the order of their creation."""

    def __init__(self) -> None:
        self.backend = RecordingBackend()

    def all(self, name: str | None = None) -> list[RecordedStream]:
        """All streams, or those with this name."""
        return [stream for stream in self.backend.streams if name in (None, stream.name)]

    def one(self, name: str | None = None) -> RecordedStream:
        """The only stream, or the only one with this name; raises AssertionError otherwise."""
        streams = self.all(name)
        if len(streams) != 1:
            expected = "one stream" if name is None else f"one stream called {name!r}"
            all_names = [stream.name for stream in self.backend.streams]
            msg = f"Expected {expected} and found {len(streams)}. All streams: {all_names}."
            raise AssertionError(msg)
        return streams[0]

    def assert_closed_once(
        self, name: str | None = None, *, outcome: str | None = None
    ) -> RecordedStream:
        """The only stream (with this name), which must have ended, with `outcome` if given."""
        stream = self.one(name)
        if outcome is not None and outcome not in list(Outcome):
            msg = f"There is no outcome {outcome!r}. Write one of {', '.join(Outcome)}."
            raise ValueError(msg)
        expected = None if outcome is None else Outcome(outcome)
        if stream.events.count("close") != 1 or expected not in (None, stream.outcome):
            shown = "" if stream.outcome is None else f" with outcome {stream.outcome.value!r}"
            how = "" if expected is None else f", {expected.value}"
            msg = (
                f"Stream {stream.name!r} should be closed once{how}. "
                f"What happened was: {', '.join(stream.events)}{shown}."
            )
            raise AssertionError(msg)
        return stream

    def assert_none_open(self) -> None:
        """Fail if a stream was started and not closed. Runs at the end of each test."""
        if self.backend.still_open:
            gc.collect()  # a stream that is no longer referenced ends here, as abandoned
        if names := [stream.name for stream in self.backend.still_open]:
            msg = (
                f"Streams are open at the end of the test: {names}. What steps a stream has to "
                "exhaust it or close it: call response.close(), or let streams.read() do it."
            )
            raise AssertionError(msg)
