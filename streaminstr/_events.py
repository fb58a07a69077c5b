"""Event streams: counted in events and not in chunks. End markers, of event streams and others.

The format is that of html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6: lines
end in LF, CR or CRLF, an empty line dispatches an event that has data, a line that begins with a
colon is a comment.
"""

from __future__ import annotations

from time import perf_counter as clock
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from streaminstr._calls.guard import guarded
from streaminstr._gaps import Gaps
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Callable

    Kind = Literal["sse", "chunks"]
    Marker = bytes | str | tuple[bytes | str, ...]
    Counter: TypeAlias = "EventCounter | Tail | TimedChunks"

_HEAD = 5
"""Bytes of a line that are looked at where no marker is: `data:`."""


def counter_of(
    kind: Kind | None, markers: tuple[bytes, ...], gap_bounds: tuple[float, ...] = ()
) -> Counter | None:
    """What counts the chunks of a body; None where their number and size are all that counts.

    `gap_bounds` are those of the histogram of gaps, where there is one. Raises TypeError for an
    unknown kind.
    """
    if kind not in (None, "sse", "chunks"):
        msg = f'kind is {kind!r:.80}. Write "sse" for an event stream, or "chunks".'
        raise TypeError(msg)
    if kind == "sse":
        return TimedEvents(markers, gap_bounds) if gap_bounds else EventCounter(markers)
    tail = Tail(markers) if markers else None
    return TimedChunks(tail, gap_bounds) if gap_bounds else tail


def markers_of(ends_with: Any) -> tuple[bytes, ...]:
    """The markers as bytes; raises TypeError for what is neither bytes nor text."""
    if ends_with is None:
        return ()
    given = ends_with if isinstance(ends_with, tuple) else (ends_with,)
    if not given or not all(isinstance(one, bytes | str) and one for one in given):
        msg = (
            f"ends_with is {ends_with!r:.80}. Write the last bytes of a complete body, such as "
            r'b"data: [DONE]\n\n", as bytes or text, or a tuple of these.'
        )
        raise TypeError(msg)
    return tuple(one.encode() if isinstance(one, str) else one for one in given)


def markers_by_route(name: str, given: Any) -> dict[str, tuple[bytes, ...]]:
    """The end markers by route, of a setting called `name`; raises StreaminstrError."""
    if not isinstance(given, dict) or not all(isinstance(route, str) for route in given):
        msg = (
            f"{name} is {given!r:.80}. It takes a dict of routes to end markers, "
            r'such as {"chat/": b"data: [DONE]\n\n"}.'
        )
        raise StreaminstrError(msg)
    try:
        return {route: markers_of(marker) for route, marker in given.items()}
    except TypeError as error:
        msg = f"{name}: {error}"
        raise StreaminstrError(msg) from error


class Tail:
    """Keeps the last bytes of a body, as many as its longest end marker has."""

    __slots__ = ("_last", "_length", "_markers", "size_of")
    size_of: Callable[[Any], int]

    def __init__(self, markers: tuple[bytes, ...]) -> None:
        self._markers = markers
        self._length = max(map(len, markers))
        self._last = b""

    def take(self, chunk: Any) -> int:
        """Count a chunk; returns its size in bytes."""
        self._last = (self._last + _as_bytes(chunk)[-self._length :])[-self._length :]
        return self.size_of(chunk)

    def facts(self, _: float) -> dict[str, Any]:
        """Fields of the report."""
        return {}

    @property
    def is_truncated(self) -> bool:
        """Whether the body does not end with one of its markers."""
        return not self._last.endswith(self._markers)


class EventCounter:
    """Counts the events and pings of an event stream, and times its events."""

    __slots__ = (
        *("_after_cr", "_event", "_first", "_has_data", "_keep", "_last_event", "last_time"),
        *("_line", "_markers", "events", "longest", "pings", "size_of"),
    )
    size_of: Callable[[Any], int]

    def __init__(self, markers: tuple[bytes, ...] = ()) -> None:
        self._markers = tuple(_as_event(one) for one in markers)
        self._keep = max([_HEAD, *map(len, self._markers)]) + 1
        self._line = self._event = self._last_event = b""
        self._after_cr = self._has_data = False
        self._first: float | None = None
        self.last_time = self.longest = 0.0
        self.events = self.pings = 0

    def take(self, chunk: Any) -> int:
        """Count a chunk; returns its size in bytes."""
        fresh, fields = not self._line, 0
        data = _as_bytes(chunk)
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r") if data else self._after_cr
        comments = 0
        for part in data.splitlines(keepends=True):
            line = (self._line + part.rstrip(b"\r\n"))[: self._keep]
            if not part.endswith((b"\n", b"\r")):
                self._line = line
                break
            self._line = b""
            comments += line.startswith(b":")
            fields += self._take_line(line)
        if comments and not fields and fresh and not self._line:
            self.pings += 1
        return self.size_of(chunk)

    def facts(self, created: float) -> dict[str, Any]:
        """Fields of the report of a stream that was made at `created`."""
        first = self._first
        return {
            "events": self.events,
            "pings": self.pings,
            "longest_gap": self.longest,
            "time_to_first_event": None if first is None else first - created,
        }

    @property
    def is_truncated(self) -> bool:
        """Whether the last event is not one of the end markers."""
        return bool(self._markers) and self._last_event not in self._markers

    @property
    def is_in_event(self) -> bool:
        """Whether the last chunk has ended within an event or a line."""
        return bool(self._line or self._event)

    def _take_line(self, line: bytes) -> bool:
        """Take a whole line; returns whether it is a field of an event."""
        if line.startswith(b":"):
            return False
        if line:
            self._event = (self._event + line + b"\n")[: self._keep + 1]
            self._has_data = self._has_data or line[:_HEAD] in (b"data", b"data:")
            return True
        if self._has_data:
            self._dispatch(clock())
        self._event, self._has_data = b"", False
        return False

    def _dispatch(self, now: float) -> None:
        if self._first is None:
            self._first = now
        elif now - self.last_time > self.longest:
            self.longest = now - self.last_time
        self.last_time = now
        self._last_event = self._event.rstrip(b"\n")
        self.events += 1


class TimedEvents(EventCounter):
    """The same where each time from one event to the next is counted."""

    __slots__ = ("_gaps",)

    def __init__(self, markers: tuple[bytes, ...], gap_bounds: tuple[float, ...]) -> None:
        super().__init__(markers)
        self._gaps = Gaps(gap_bounds)

    def facts(self, created: float) -> dict[str, Any]:
        """Fields of the report of a stream that was made at `created`."""
        return {**super().facts(created), "gaps": self._gaps.by_bucket()}

    def _dispatch(self, now: float) -> None:
        if self._first is not None:
            self._gaps.note(now - self.last_time)
        super()._dispatch(now)


class TimedChunks:
    """Counts each time from one chunk to the next; `tail` looks at the end of the body."""

    __slots__ = ("_gaps", "_last", "_measure", "_tail")

    def __init__(self, tail: Tail | None, gap_bounds: tuple[float, ...]) -> None:
        self._tail, self._gaps = tail, Gaps(gap_bounds)
        self._last: float | None = None
        self._measure: Callable[[Any], int]

    def take(self, chunk: Any) -> int:
        """Count a chunk; returns its size in bytes."""
        now = clock()
        if self._last is not None:
            self._gaps.note(now - self._last)
        self._last = now
        return self._measure(chunk)

    def facts(self, _: float) -> dict[str, Any]:
        """Fields of the report."""
        return {"gaps": self._gaps.by_bucket()}

    @property
    def is_truncated(self) -> bool:
        """Whether the body lacks its end marker."""
        return self._tail is not None and self._tail.is_truncated

    @property
    def size_of(self) -> Callable[[Any], int]:
        """What returns the size of a chunk."""
        return self._measure

    @size_of.setter
    def size_of(self, size_of: Callable[[Any], int]) -> None:
        if self._tail is None:
            self._measure = size_of
        else:
            self._tail.size_of, self._measure = size_of, self._tail.take


def _as_event(marker: bytes) -> bytes:
    return marker.replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip(b"\n")


def _as_bytes(chunk: Any) -> bytes:
    if type(chunk) is bytes:
        return chunk
    if type(chunk) is str:
        return chunk.encode("utf-8", "surrogatepass")
    return guarded(_encoded, chunk, default=b"")


def _encoded(chunk: Any) -> bytes:
    if isinstance(chunk, str):
        return chunk.encode("utf-8", "surrogatepass")
    return bytes(chunk) if isinstance(chunk, bytes | bytearray | memoryview) else b""
