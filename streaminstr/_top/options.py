"""The options of the table, and the selection and order of its rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from streaminstr.types import OpenStream

EPILOG = (
    "Exit codes: 0; 1 where --fail-if-stalled found a stream; 2 where there is no table to show."
)
LEAST_STALL = 30.0
"""Seconds of silence from which on a stream is counted as stalled, unless another number is said.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    _add_which(parser)
    _add_how(parser)
    _add_whence(parser)


def _add_which(parser: argparse.ArgumentParser) -> None:
    which = parser.add_argument_group("which streams")
    which.add_argument("--route", metavar="TEXT", help="those whose route or name has this in it")
    which.add_argument(
        "--min-age", type=float, default=0.0, metavar="SECONDS", help="those as old as that"
    )
    which.add_argument(
        "--stalled", type=float, metavar="SECONDS", help="those without a chunk for that long"
    )
    which.add_argument(
        "--sort", choices=sorted(_ORDERS), default="age", help="what comes first; default: age"
    )


def _add_how(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how")
    how.add_argument("--once", action="store_true", help="show the table once, and exit")
    how.add_argument("--json", action="store_true", help="as one JSON document, and exit")
    how.add_argument(
        "--fail-if-stalled",
        type=float,
        metavar="SECONDS",
        help="show it once; exit with 1 if a stream had no chunk for that long",
    )


def _add_whence(parser: argparse.ArgumentParser) -> None:
    whence = parser.add_argument_group("where it comes from").add_mutually_exclusive_group()
    whence.add_argument(
        "--dir", type=Path, metavar="PATH", help="the directory of ROSTER, if it is not the default"
    )
    whence.add_argument(
        "--from",
        dest="log",
        metavar="FILE",
        help="JSON log lines with stream_opened, stream_progress and stream_closed; - reads stdin",
    )


def chosen(rows: Sequence[OpenStream], asked: argparse.Namespace) -> list[OpenStream]:
    """The rows that are asked for, in the order that is asked for."""
    stalled = asked.stalled or 0.0
    kept = (
        row
        for row in rows
        if row.age >= asked.min_age and row.idle >= stalled and _is_of(row, asked.route)
    )
    return sorted(kept, key=_ORDERS[asked.sort])


def least_stall(asked: argparse.Namespace) -> float:
    """Seconds of silence from which on a stream is counted as stalled."""
    given = (asked.fail_if_stalled, asked.stalled, LEAST_STALL)
    return float(next(seconds for seconds in given if seconds is not None))


def _is_of(row: OpenStream, route: str | None) -> bool:
    return route is None or route in (row.route or "") or route in row.name


_ORDERS: dict[str, Callable[[OpenStream], tuple[str | float, ...]]] = {
    "age": lambda row: (-row.age,),
    "idle": lambda row: (-row.idle,),
    "route": lambda row: (row.route or row.name, -row.age),
    "chunks": lambda row: (-row.chunks,),
    "bytes": lambda row: (-row.bytes,),
}
