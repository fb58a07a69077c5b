"""Promises: each stream is counted once, and what was added at its start is taken away again."""

from __future__ import annotations

from streaminstr import metrics
from streaminstr.testing._hooks import needs
from streaminstr.testing._metering import MeterTrial, MetricsHooks, run_a_mix

_SAME = (
    "Keep the attributes of streaminstr.metrics.at_start(info) in start(), and take away under "
    "those in close()."
)
_ONCE = "Count each stream once, in start() and in close(), under streaminstr.metrics.at_end()."


class Metering(MetricsHooks):
    """What the metrics say after a mix of streams."""

    @needs("has_gauge")
    def test_active_streams(self) -> None:
        """The gauge is the number of open streams, and 0 when all have ended, in each series."""
        with MeterTrial(self, "active_streams") as trial:
            streams = [trial.stream(http__route="a/"), trial.stream()]
            trial.check_sum(metrics.ACTIVE, 0, "A stream that was not stepped is not open.")
            for stream in streams:
                next(stream)
            trial.check_sum(metrics.ACTIVE, 2, "Add 1 in start().")
            for stream in streams:
                stream.close()
            run_a_mix(trial)
        left = [dict(point.attributes) for point in trial.points(metrics.ACTIVE) if point.value]
        trial.check(not left, f"{metrics.ACTIVE.name} is not 0 for {left}. {_SAME}")

    @needs("has_counters")
    def test_counted_once(self) -> None:
        """Each stream is opened once and closed once, with its outcome and who cancelled it."""
        with MeterTrial(self, "counted_once") as trial:
            expected = run_a_mix(trial)
        total = sum(expected.values())
        trial.check_sum(metrics.OPENED, total, _ONCE)
        trial.check_sum(metrics.CLOSED, total, _ONCE)
        for (outcome, cancelled_by), count in expected.items():
            own = {"outcome": outcome, "cancelled_by": cancelled_by}
            trial.check_sum(metrics.CLOSED, count, _ONCE, **own)

    @needs("has_histograms")
    def test_sums(self) -> None:
        """The histograms have one value of each stream that has one, and their sums."""
        with MeterTrial(self, "sums") as trial:
            list(trial.stream([]))
            run_a_mix(trial)
        recorded = [pair for report in trial.reports for pair in metrics.values(report)]
        for metric in (metrics.DURATION, metrics.SIZE, metrics.FIRST_CHUNK):
            values = [value for other, value in recorded if other is metric]
            trial.check_count(metric, len(values))
            trial.check_sum(metric, sum(values), "Seconds and bytes, as the report has them.")

    def test_never_started(self) -> None:
        """A stream that is never stepped is not counted."""
        with MeterTrial(self, "never_started") as trial:
            trial.stream().close()
            trial.stream()
        counted = [metric.name for metric in metrics.METRICS if trial.points(metric)]
        trial.check(not counted, f"{counted} count a stream that was never stepped.")

    def test_bounded(self) -> None:
        """Streams that differ in path, id and numbers alone share their series."""
        with MeterTrial(self, "bounded") as trial:
            for number in range(5):
                list(trial.stream([b"x"] * number, http__route="a/", url__path=f"/a/{number}"))
        for metric in metrics.METRICS:
            series = len(trial.points(metric))
            trial.check(
                series <= 1,
                f"{metric.name} has {series} series of 5 streams of one route. Take the attributes "
                "of streaminstr.metrics alone: ids and paths grow with the number of clients.",
            )
