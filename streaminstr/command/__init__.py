"""The command line: `streaminstr demo` and `streaminstr backends`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import streaminstr
from streaminstr import _speedups

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command in `arguments`, by default those of the process; return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        return asked.run(asked)  # type: ignore[no-any-return] # set_defaults is untyped
    except streaminstr.StreaminstrError as error:
        sys.stderr.write(f"streaminstr: {error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="streaminstr", description="One scope for every streamed HTTP response."
    )
    version = f"streaminstr {streaminstr.__version__} (steps: {_speedups.describe()})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_backends(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser(
        "demo", help="stream from a small Django site and show what its scopes saw"
    )
    demo.add_argument(
        "--backend",
        default="log",
        metavar="NAME",
        help="log (the default, no vendor), opentelemetry, ddtrace, or one of your own",
    )
    demo.add_argument("--keep", action="store_true", help="leave the site up until Ctrl-C")
    demo.set_defaults(run=_demo)


def _add_backends(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    backends = commands.add_parser(
        "backends", help="list the backends that are installed, and the one that is picked"
    )
    backends.add_argument(
        "--check",
        action="store_true",
        help="send one stream through the backend and say what arrived",
    )
    backends.add_argument(
        "--backend",
        metavar="NAME",
        help="a name or dotted path to count in place of the settings",
    )
    backends.set_defaults(run=_backends)


def _demo(asked: argparse.Namespace) -> int:
    from streaminstr.demo import demo  # noqa: PLC0415 - needs Django

    return demo(asked.backend, keep=asked.keep)


def _backends(asked: argparse.Namespace) -> int:
    from streaminstr.command.backends import show  # noqa: PLC0415 - metadata is slow to read

    return show(asked.backend, check=asked.check)
