"""The command line: `streaminstr demo`, `backends`, `top` and `compare`."""

from __future__ import annotations

import argparse
import re
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

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


class _Parser(argparse.ArgumentParser):
    """A parser that suggests the command that was probably meant."""

    def error(self, message: str) -> NoReturn:
        choice = re.match(r"argument COMMAND: invalid choice: '(.+?)'", message)
        near = get_close_matches(choice[1], _commands(self), n=1) if choice else []
        super().error(f"{message}. Did you mean {near[0]!r}?" if near else message)


def _commands(parser: argparse.ArgumentParser) -> list[str]:
    """The names of its commands."""
    return [
        name
        for action in parser._actions  # noqa: SLF001 - argparse shows them in no other way
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
        for name in action.choices
    ]


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="streaminstr", description="One scope for every streamed HTTP response."
    )
    version = f"streaminstr {streaminstr.__version__} (steps: {_speedups.describe()})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_backends(commands)
    _add_top(commands)
    _add_compare(commands)
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
    stays = demo.add_mutually_exclusive_group()
    stays.add_argument("--keep", action="store_true", help="leave the site up until Ctrl-C")
    stays.add_argument(
        "--live",
        action="store_true",
        help="keep streams of each kind open until Ctrl-C, for the page of open streams and `top`",
    )
    demo.set_defaults(run=_demo)


def _add_backends(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    backends = commands.add_parser(
        "backends", help="list the backends that are installed, and the one that is picked"
    )
    backends.add_argument(
        "--check",
        action="store_true",
        help="send one stream through the backend and say what is known of it",
    )
    backends.add_argument(
        "--receiver",
        metavar="[HOST:]PORT",
        help="check, and listen there for OTLP over HTTP and for ddtrace: show what arrives",
    )
    backends.add_argument(
        "--backend",
        metavar="NAME",
        help="a name or dotted path to count in place of the settings",
    )
    backends.set_defaults(run=_backends)


def _add_top(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from streaminstr._top.options import EPILOG, add_arguments  # noqa: PLC0415 - of one command

    top = commands.add_parser(
        "top", help="show the open streams of all workers of this host", epilog=EPILOG
    )
    add_arguments(top)
    top.set_defaults(run=_top)


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    compare = commands.add_parser(
        "compare", help="run a site with both vendors on, and show its streams side by side"
    )
    compare.add_argument(
        "site", nargs="*", metavar="-- COMMAND", help="what starts the site, launchers and all"
    )
    compare.add_argument(
        "--get", action="append", default=[], metavar="URL", help="read this, then end; repeatable"
    )
    compare.add_argument("--streams", type=int, metavar="N", help="end after so many streams")
    compare.add_argument("--seconds", type=float, metavar="S", help="end after this time")
    compare.add_argument(
        "--receiver",
        default="0",
        metavar="[HOST:]PORT",
        help="listen there; without a COMMAND for a site that was pointed there",
    )
    compare.set_defaults(run=_compare)


def _demo(asked: argparse.Namespace) -> int:
    from streaminstr.demo import demo  # noqa: PLC0415 - needs Django

    if asked.live:
        from streaminstr.demo.live.run import live  # noqa: PLC0415

        return live(asked.backend)
    return demo(asked.backend, keep=asked.keep)


def _backends(asked: argparse.Namespace) -> int:
    from streaminstr.command.backends import show  # noqa: PLC0415 - metadata is slow to read
    from streaminstr.command.receiver import of_this_process  # noqa: PLC0415 - an HTTP server

    receiver = None if asked.receiver is None else of_this_process(asked.receiver)
    return show(asked.backend, check=asked.check or receiver is not None, receiver=receiver)


def _top(asked: argparse.Namespace) -> int:
    from streaminstr.command.top import show  # noqa: PLC0415 - loads the library

    return show(asked)


def _compare(asked: argparse.Namespace) -> int:
    from streaminstr.command.compare import compare  # noqa: PLC0415 - an HTTP server

    return compare(
        asked.site,
        receiver=asked.receiver,
        urls=asked.get,
        streams=asked.streams,
        seconds=asked.seconds,
    )
