"""The peers, each in an environment of its own: the same bodies, in the same run."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from environments import HERE, ROOT, environment, run
from figures import Figure, compared, say, show

BENCHMARKED = ("WSGI", "ASGI", "generator", "async generator")
OURS = f"{ROOT}[django]"
SDK = "opentelemetry-sdk"


@dataclass(frozen=True)
class Kind:
    """What is installed for a peer, and what it isolates: docs/explanation/speed.md tells."""

    packages: tuple[str, ...]
    isolates: str


ALL = "span and all context variables, in the same task"
ALL_BUT_THE_TASK = "span and all context variables; async in a task for each step"
NOTHING = "nothing: the span is not current in the body"
LEAKS = "nothing: the span is current for the server, too, between chunks"

KINDS = {
    "streaminstr, compiled": Kind((OURS, SDK), ALL),
    "streaminstr, plain": Kind((OURS, SDK), ALL),
    "try/finally span, OpenTelemetry": Kind((SDK,), NOTHING),
    "try/finally span, ddtrace": Kind(("ddtrace",), LEAKS),
    "ddtrace `tracer.wrap`": Kind(("ddtrace",), LEAKS),
    "ddtrace middleware": Kind(("ddtrace",), LEAKS + " (WSGI)"),
    "OpenTelemetry middleware, a span per send": Kind(
        (SDK, "opentelemetry-instrumentation-wsgi", "opentelemetry-instrumentation-asgi"), LEAKS
    ),
    "OpenTelemetry middleware, no span per send": Kind(
        (SDK, "opentelemetry-instrumentation-wsgi", "opentelemetry-instrumentation-asgi"), LEAKS
    ),
    "logfire `instrument`": Kind(("logfire",), LEAKS),
    "langfuse `observe`": Kind(("langfuse",), ALL_BUT_THE_TASK),
    "sentry middleware": Kind(("sentry-sdk",), "sentry's own scope"),
    "FastAPI's own telemetry": Kind((SDK, "fastapi"), LEAKS),
    "OpenTelemetry util-genai": Kind(
        (SDK, "opentelemetry-util-genai"), "its span, by OpenTelemetry's context alone"
    ),
}


def interpreters(envs: Path, python: str, names: list[str]) -> dict[str, Path]:
    """One environment for each set of packages."""
    found = {}
    for name in names:
        packages = KINDS[name].packages
        folder = "-".join(Path(package).name.partition("[")[0] for package in packages)
        found[name] = environment(envs / folder, python, "django", *packages)
    return found


def measured(pythons: dict[str, Path], passes: int, rounds: int) -> dict[str, dict[str, float]]:
    """The least costs over passes in which the peers take turns."""
    best: dict[str, dict[str, float]] = {name: {} for name in pythons}
    for _ in range(passes):
        for name, python in pythons.items():
            command = (str(python), str(HERE / "peer_case.py"), name, str(rounds))
            found = json.loads(run(*command, pure=name.endswith("plain")))
            for case, cost in found.items():
                best[name][case] = min(cost, best[name].get(case, cost))
    return best


def figures(best: dict[str, dict[str, float]]) -> list[Figure]:
    return [
        compared(name, costs[case], costs[f"bare {case}"], KINDS[name].isolates, group=case)
        for case in BENCHMARKED
        for name, costs in best.items()
        if case in costs
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--envs", type=Path, help="keep the environments here, for the next run")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("names", nargs="*", default=list(KINDS))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pythons = interpreters(given.envs or Path(folder), given.python, given.names)
        found = figures(measured(pythons, given.passes, given.rounds))
    say("ratio to the bare body, by where the peer is put in")
    show(found, given.json)


if __name__ == "__main__":
    main()
