"""The timeline of one stream: the times in which chunks came, and those in which none did.

Drawn from the samples of the background thread. A stream records no times of chunks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from streaminstr._process.rows import Sample
from streaminstr.django.page.cells import count, duration, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streaminstr.types import OpenStream

WIDTH, HEIGHT = 640.0, 96.0
"""Of the picture, in its own units."""
_SHORTEST = 0.05
"""Seconds below which a part would be shown as one from 0.0 s to 0.0 s."""
_LOWEST = 4.0
"""Height of a bar that stands for few chunks."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of the life of a stream, between two samples: how it is drawn, and what it says."""

    x: float
    y: float
    width: float
    height: float
    begin: str
    end: str
    chunks: str
    bytes: str
    is_gap: bool


def timeline(row: OpenStream, samples: Sequence[Sample]) -> list[Bar]:
    """The parts from the first step to now, the oldest first."""
    now = Sample(age=row.age, chunks=row.chunks, bytes=row.bytes, idle=row.idle)
    begin = Sample(age=0.0, chunks=0, bytes=0, idle=0.0)
    # Samples are taken in a process and a row is read in another: one may be behind the other.
    earlier = (sample for sample in samples if _SHORTEST <= sample.age < now.age)
    parts = [(one, other) for one, other in pairwise((begin, *earlier, now)) if one.age < other.age]
    most = max((_rate(*part) for part in parts), default=0.0)
    return [_bar(one, other, now.age, most) for one, other in parts]


def longest_gap(row: OpenStream, samples: Sequence[Sample]) -> str:
    """The longest time without a chunk that was seen, as text."""
    return duration(max((row.idle, *(sample.idle for sample in samples))))


def _rate(one: Sample, other: Sample) -> float:
    return max(other.chunks - one.chunks, 0) / (other.age - one.age)


def _bar(one: Sample, other: Sample, life: float, most: float) -> Bar:
    chunks = max(other.chunks - one.chunks, 0)
    height = max(_rate(one, other) / most * HEIGHT, _LOWEST) if chunks else HEIGHT
    return Bar(
        x=round(one.age / life * WIDTH, 2),
        y=round(HEIGHT - height, 2),
        width=round((other.age - one.age) / life * WIDTH, 2),
        height=round(height, 2),
        begin=duration(one.age),
        end=duration(other.age),
        chunks=count(chunks),
        bytes=size(max(other.bytes - one.bytes, 0)),
        is_gap=not chunks,
    )
