"""The page of a process: JSON text that it writes for the other processes.

Its size is limited when it is written, and its content is checked when it is read, because another
process may have written anything. Text that is not a page is an error. Invalid parts of a page are
dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, get_args

from streaminstr._process.rows import EndedStream, Sample, Worker
from streaminstr.types import NOTHING, CancelledBy, OpenStream, Outcome, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[[Any], bool]

LARGEST = 4 * 1024 * 1024
"""Bytes of a page, at most."""
MOST_ROWS = 5000
"""Open streams on a page, at most. The oldest are on it."""
_MOST_SAMPLES = 16_000
"""Samples on a page, at most: the more streams are open, the fewer are shown of each."""
_MOST_ANSWERS = 20
_LONGEST = 300
"""Characters of a text, at most."""
_NO_COUNT = 1e18
"""Larger numbers are no numbers of chunks, bytes or seconds."""
_ID = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The data that one process publishes for the others."""

    worker: Worker
    written: float
    """Unix time at which it was written, in seconds."""
    rows: tuple[OpenStream, ...] = ()
    ended: tuple[EndedStream, ...] = ()
    timelines: Mapping[str, tuple[Sample, ...]] = field(default_factory=lambda: NOTHING)
    """By the id of the stream."""
    answers: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """What came of the last requests to this process, by their nonce."""


class UnreadableError(ValueError):
    """The text is not a page."""


def encode(page: Page, largest: int = LARGEST) -> str:
    """The page as ASCII text of at most `largest` bytes; rows that do not fit are left out."""
    rows = page.rows[:MOST_ROWS]
    while True:
        text = _text_of(replace(page, rows=rows))
        if len(text) <= largest or not rows:
            return text
        rows = rows[: int(len(rows) * 0.9 * largest / len(text))]


def _text_of(page: Page) -> str:
    waits: dict[tuple[str, ...], int] = {}
    rows = [
        {**_plain(row, _ROW, _of_row), "waits": waits.setdefault(row.waits, len(waits))}
        for row in page.rows
    ]
    worker = page.worker
    document = {
        "version": 1,
        "host": worker.host[:_LONGEST],
        "pid": worker.pid,
        "since": worker.since,
        "written": page.written,
        "open": worker.open,
        "paused": worker.paused,
        "rows": rows,
        "waits": [[_clean(text) for text in one] for one in waits],
        "ended": [_plain(one, _ENDED, _of_ended) for one in page.ended],
        "samples": dict(_few(page)),
        "answers": dict(list(page.answers.items())[-_MOST_ANSWERS:]),
    }
    return json.dumps(document, separators=(",", ":"))


def _plain(row: Any, checks: Mapping[str, Check], get: attrgetter[Any]) -> dict[str, Any]:
    """What is there of a row, in the form of JSON."""
    values = zip(checks, get(row), strict=True)
    # Zero is no default of `events`, which are None of a stream without events.
    return {name: _cut(value) for name, value in values if value or type(value) is int}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, float):
        return round(value, 3)
    return value if isinstance(value, int) else {_clean(one): value[one] for one in value}


def _clean(text: str) -> str:
    """A text that is not too long, without what controls a terminal or cannot be encoded."""
    short = text[:_LONGEST]
    if short.isprintable():
        return short
    return "".join(one if one.isprintable() else "?" for one in short)


def _few(page: Page) -> Iterator[tuple[str, list[tuple[float, int, int, float]]]]:
    most = max(_MOST_SAMPLES // max(len(page.rows), 1), 1)
    for row in page.rows:
        samples = page.timelines.get(row.id, ())
        if samples:
            every = -(-len(samples) // most)
            yield row.id, [(round(one.age, 3), *_rest(one)) for one in samples[::every]]


def _rest(sample: Sample) -> tuple[int, int, float]:
    return sample.chunks, sample.bytes, round(sample.idle, 3)


def decode(text: bytes | str, now: float) -> Page:
    """The page that another process has written. Raises UnreadableError for what is none."""
    try:
        raw = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        msg = "It is not JSON."
        raise UnreadableError(msg) from error
    if not isinstance(raw, dict) or not all(check(raw.get(key)) for key, check in _PAGE.items()):
        msg = "It lacks a field, or has one of a wrong type."
        raise UnreadableError(msg)
    age = max(now - raw["written"], 0.0)
    name = f"{raw['host']}:{raw['pid']}"
    return Page(
        worker=Worker(
            name=name,
            host=raw["host"],
            pid=raw["pid"],
            since=raw["since"],
            age=age,
            open=raw["open"],
            paused=raw.get("paused") is True,  # no such field: written by an older version
        ),
        written=raw["written"],
        rows=tuple(_rows(raw, name)),
        ended=tuple(_ended(raw, name)),
        timelines=_Timelines(raw["samples"]),
        answers={key: value for key, value in raw["answers"].items() if _is_text(value)},
    )


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _rows(raw: dict[str, Any], worker: str) -> Iterator[OpenStream]:
    waits = [tuple(one) if _is_chain(one) else () for one in raw["waits"]]
    for one, row in _sound(raw["rows"][:MOST_ROWS], _ROW):
        index: Any = one.get("waits")
        is_there = _is_count(index) and index < len(waits)
        yield OpenStream(**row, worker=worker, waits=waits[index] if is_there else ())


def _ended(raw: dict[str, Any], worker: str) -> Iterator[EndedStream]:
    for _, row in _sound(raw["ended"], _ENDED):
        yield EndedStream(**{**_ABSENT, **row, "worker": worker})


def _sound(
    raw: list[Any], checks: Mapping[str, Check]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Those rows whose fields are as they should be, and what they have of these fields."""
    for one in raw:
        row = {name: one[name] for name in checks if name in one} if _is_dict(one) else {}
        if _REQUIRED <= row.keys() and all(checks[name](row[name]) for name in row):  # noqa: SIM300
            yield one, row


class _Timelines(Mapping[str, tuple[Sample, ...]]):
    """The samples on a page, checked when they are asked for: a table needs none of them."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self._raw = raw

    def __getitem__(self, id: str) -> tuple[Sample, ...]:  # noqa: A002 - as `close_stream`
        samples = self._raw[id]
        if not (_is_list(samples) and all(map(_is_sample, samples))):
            raise KeyError(id)
        return tuple(
            Sample(age=age, chunks=chunks, bytes=size, idle=idle)
            for age, chunks, size, idle in samples
        )

    def __iter__(self) -> Iterator[str]:
        return (id_ for id_ in self._raw if id_ in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and value.isprintable()


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _is_number(value: Any) -> bool:
    # From JSON, so of no other type. What is not finite fails the comparison.
    return type(value) in (int, float) and 0 <= value < _NO_COUNT


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _NO_COUNT


def _is_chain(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 50 and all(map(_is_text, value))  # noqa: PLR2004


def _is_sample(value: Any) -> bool:
    return isinstance(value, list) and [*map(_is_number, value)] == [True] * 4


def _is_rates(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _is_text(name) and isinstance(rate, int | float) and _is_number(abs(rate))
        for name, rate in value.items()
    )


_PAGE: dict[str, Check] = {
    "host": _is_text,
    "pid": _is_count,
    "since": _is_number,
    "written": _is_number,
    "open": _is_count,
    "rows": _is_list,
    "waits": _is_list,
    "ended": _is_list,
    "samples": _is_dict,
    "answers": _is_dict,
}
_BOTH: dict[str, Check] = {
    **dict.fromkeys(("name", "route", "method"), _is_text),
    **dict.fromkeys(("chunks", "events", "bytes"), _is_count),
    "id": _is_id,
}
_ROW: dict[str, Check] = {
    **_BOTH,
    **dict.fromkeys(("age", "idle"), _is_number),
    **dict.fromkeys(("limited", "draining"), _is_bool),
    **dict.fromkeys(("trace_id", "span_id", "waits_at"), _is_text),
    "rates": _is_rates,
    "turn": get_args(Turn).__contains__,
}
_ENDED: dict[str, Check] = {
    **_BOTH,
    **dict.fromkeys(("error_type", "close_reason"), _is_text),
    **dict.fromkeys(("duration", "ended"), _is_number),
    "outcome": [one.value for one in Outcome].__contains__,
    "cancelled_by": get_args(CancelledBy).__contains__,
}
_REQUIRED = {"id", "name"}
_ABSENT: dict[str, Any] = {
    **dict.fromkeys(one.name for one in fields(EndedStream)),
    "chunks": 0,
    "duration": 0.0,
    "ended": 0.0,
    "outcome": "",
}
"""What stands for a field of an ended stream that is not there."""
_of_row, _of_ended = attrgetter(*_ROW), attrgetter(*_ENDED)
