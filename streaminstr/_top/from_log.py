"""The table from JSON log lines: streams with `stream_opened` or `stream_progress` but no end.

A line may be the event itself, or the event inside the record of a log store: nested fields, or
JSON in a text. The time of the newest line counts as now.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streaminstr import attributes as names
from streaminstr._process.rows import EndedStream, Table
from streaminstr.types import OpenStream, StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_EVENTS = ("stream_opened", "stream_progress", "stream_closed")
_CLOSED = _EVENTS[-1]
_TEXTS = ("event", "message", "msg", "body")
_TIMES = ("timestamp", "@timestamp", "time", "ts", "asctime", "date")
_DEEPEST = 8
_SECONDS = 1e11
"""A larger number of a time is in milliseconds, and so on."""


class _Event(NamedTuple):
    kind: str
    at: float
    fields: Mapping[str, Any]

    def text(self, *keys: str) -> str | None:
        """The first of the fields that is there, as text."""
        return next((str(self.fields[key]) for key in keys if self.fields.get(key)), None)

    def number(self, key: str) -> float:
        """A field as a number; 0 where it is none."""
        return _as_number(self.fields.get(key)) or 0.0

    def whole(self, key: str) -> int | None:
        """A field as a whole number; None where it is none."""
        value = _as_number(self.fields.get(key))
        return None if value is None else int(value)


def of_log(file: str) -> Callable[[], Table]:
    """The table of a file, or of stdin. Raises StreaminstrError where it cannot be read."""

    def read() -> Table:
        try:
            if file == "-":
                return table_of(sys.stdin)
            with Path(file).open(encoding="utf-8") as lines:
                return table_of(lines)
        except (OSError, UnicodeDecodeError) as error:
            msg = f"{file} cannot be read: {error}"
            raise StreaminstrError(msg) from error

    return read


def table_of(lines: Iterable[str]) -> Table:
    """The table at the time of the newest line."""
    by_stream: dict[str, list[_Event]] = {}
    for line in lines:
        for event in _events_in(line):
            by_stream.setdefault(str(event.fields[names.STREAM_ID]), []).append(event)
    now = max((one.at for events in by_stream.values() for one in events), default=0.0)
    rows, ended = [], []
    for id_, events in by_stream.items():
        events.sort(key=lambda one: one.at)
        closed = next((one for one in events if one.kind == _CLOSED), None)
        if closed is None:
            rows.append(_row(id_, events, now))
        else:
            ended.append(_ended(id_, closed))
    return Table(
        rows=tuple(sorted(rows, key=lambda row: -row.age)),
        ended=tuple(sorted(ended, key=lambda one: -one.ended)),
    )


def _row(id_: str, events: list[_Event], now: float) -> OpenStream:
    last = events[-1]
    lasted = last.number(names.PRODUCER_TIME) + last.number(names.CONSUMER_TIME)
    same = [one.at for one in events if one.whole(names.CHUNKS) == last.whole(names.CHUNKS)]
    turn = last.text(names.STALLED)
    return OpenStream(
        **_description(id_, last),
        age=max(now - min(events[0].at, last.at - lasted), 0.0),
        chunks=last.whole(names.CHUNKS) or 0,
        events=last.whole(names.EVENTS),
        bytes=last.whole(names.BYTES) or 0,
        # Known: no chunk came between two events with the same number of them.
        idle=last.at - same[0],
        turn="consumer" if turn == "consumer" else "upstream" if turn == "upstream" else "producer",
        trace_id=last.text("trace_id", "dd.trace_id"),
        span_id=last.text("span_id", "dd.span_id"),
    )


def _ended(id_: str, closed: _Event) -> EndedStream:
    cut_by = closed.text(names.CANCELLED_BY)
    return EndedStream(
        **_description(id_, closed),
        outcome=closed.text(names.OUTCOME) or "",
        cancelled_by="client" if cut_by == "client" else "server" if cut_by == "server" else None,
        error_type=closed.text(names.ERROR_TYPE),
        close_reason=closed.text(names.CLOSE_REASON),
        duration=closed.number(names.PRODUCER_TIME) + closed.number(names.CONSUMER_TIME),
        chunks=closed.whole(names.CHUNKS) or 0,
        events=closed.whole(names.EVENTS),
        bytes=closed.whole(names.BYTES),
        ended=closed.at,
    )


def _description(id_: str, event: _Event) -> dict[str, Any]:
    return {
        "id": id_,
        "name": event.text("stream") or "?",
        "route": event.text(names.HTTP_ROUTE),
        "method": event.text(names.HTTP_METHOD),
        "worker": event.text("hostname", "host", "pod") or "",
    }


def _events_in(line: str) -> Iterator[_Event]:
    """The event of a line, where there is one."""
    if not any(kind in line for kind in _EVENTS):
        return
    try:
        fields = dict(_flat("", _parsed(line), _DEEPEST))
    except RecursionError:
        return
    key = next((key for key in fields if _ends_with(key, names.STREAM_ID)), None)
    kind = next((fields[key] for key in fields if _is_event(key, fields[key])), None)
    if key is not None and kind is not None:
        # What stands beside the id is the event's own; what is round it may have the time.
        prefix = key.removesuffix(names.STREAM_ID)
        own = {name.removeprefix(prefix): fields[name] for name in fields if prefix in name}
        yield _Event(kind, _time_in(fields), {**fields, **own})


def _is_event(key: str, value: Any) -> bool:
    return value in _EVENTS and key.rpartition(".")[2] in _TEXTS


def _ends_with(key: str, name: str) -> bool:
    return key == name or key.endswith(f".{name}")


def _flat(prefix: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """All fields with the names of those that they are in before their own: `a.b.c`."""
    inner = _parsed(value) if isinstance(value, str) and value[:1] == "{" else value
    if not isinstance(inner, dict) or not depth:
        yield prefix.removesuffix("."), value
        return
    for name, one in inner.items():
        yield from _flat(f"{prefix}{name}.", one, depth - 1)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _time_in(fields: Mapping[str, Any]) -> float:
    """Unix time of an event, in seconds; 0 where none can be read."""
    times = (_as_time(fields[key]) for key in _by_name(fields, _TIMES))
    return next((at for at in times if at is not None), 0.0)


def _by_name(fields: Mapping[str, Any], names_: tuple[str, ...]) -> Iterator[str]:
    """Those keys whose last part is one of a few names; the shortest, which is outermost, last."""
    keys = [key for key in fields if key.rpartition(".")[2] in names_]
    return iter(sorted(keys, key=lambda key: (key not in names_, len(key))))


def _as_time(value: Any) -> float | None:
    number = _as_number(value)
    if number is not None:
        while number > _SECONDS:
            number /= 1000
        return number
    try:
        moment = datetime.fromisoformat(str(value).replace(",", "."))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _as_number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) and not isinstance(value, bool) else None
