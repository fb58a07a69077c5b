"""How long a stream is silent between two chunks or events: counted by bucket, in the stream."""

from __future__ import annotations

from bisect import bisect_left
from math import inf, nextafter


class Gaps:
    """Counts times by the bounds of a histogram, and keeps their sums: what it holds never grows.

    A time that is equal to a bound is in the bucket below it, as in OpenTelemetry.
    """

    __slots__ = ("_bounds", "_counts", "_sums")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sums = [0.0] * (len(bounds) + 1)

    def note(self, seconds: float) -> None:
        """Count one gap."""
        place = bisect_left(self._bounds, seconds)
        self._counts[place] += 1
        self._sums[place] += seconds

    def by_bucket(self) -> tuple[tuple[float, int], ...]:
        """The mean and the count of each bucket that is not empty, lowest first."""
        lows, highs = (-inf, *self._bounds), (*self._bounds, inf)
        return tuple(
            # Rounding must not move a mean across a bound.
            (min(max(total / count, nextafter(low, inf)), high), count)
            for low, high, count, total in zip(lows, highs, self._counts, self._sums, strict=True)
            if count
        )
