"""Django's own handlers, driven by hand: what a chunk costs with the middleware and the nets."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import TYPE_CHECKING, Any

from bodies import NO_LOGS, Silent
from figures import Figure, arguments, compared, show, shown
from rounds import least, repeated
from vendors import BACKENDS

import django_site
from streaminstr import _configure, asgi, wsgi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESPONSES = 200
BUDGETS = {
    ("WSGI", "middleware"): "3.0 / 1.5",
    ("WSGI", "middleware and net"): "3.2 / 1.6",
    ("ASGI", "middleware"): "1.6 / 1.15",
    ("ASGI", "middleware and net"): "2.0 / 1.5",
}
"""In plain Python / compiled."""
NETS = {"WSGI": wsgi.StreamScopeMiddleware, "ASGI": asgi.StreamScopeMiddleware}


def drive(kind: str, app: Any) -> Callable[[], float]:
    if kind == "WSGI":
        return lambda: django_site.drive_wsgi(app)
    return lambda: asyncio.run(django_site.drive_asgi(app))


def with_backend(config: Any, case: Callable[[], float]) -> Callable[[], float]:
    def configured() -> float:
        with _configure.forced(config):
            return case()

    return configured


def figures(kind: str, rounds: int) -> Iterator[Figure]:
    """The step does not know its backend: one stands for all."""
    ours = django_site.handler(kind, [django_site.OURS])
    config = _configure.build(Silent(), log_levels=NO_LOGS)
    cases = {
        "bare": drive(kind, django_site.handler(kind, [])),
        "middleware": with_backend(config, drive(kind, ours)),
        "middleware and net": with_backend(config, drive(kind, NETS[kind](ours))),
    }
    best = least(cases, rounds)
    for name in list(cases)[1:]:
        yield compared(
            f"Django {kind} handler, per chunk, {name}",
            best[name],
            best["bare"],
            "the same handler without us",
            budget=BUDGETS[kind, name],
        )


def short_stream(app: Any) -> Callable[[], float]:
    """A whole request for a stream of one chunk, whose cost is that of a scope, not of steps."""

    def respond() -> None:
        environ = {**django_site.ENVIRON, "QUERY_STRING": "steps=1", "wsgi.input": BytesIO()}
        response = app(environ, lambda *_: None)
        list(response)
        response.close()

    return lambda: repeated(respond, RESPONSES)


def whole_responses(rounds: int) -> Iterator[Figure]:
    ours = short_stream(django_site.handler("WSGI", [django_site.OURS]))
    cases = {"bare": short_stream(django_site.handler("WSGI", []))}
    for name, backend in BACKENDS.items():
        cases[name] = with_backend(_configure.build(backend, log_levels=NO_LOGS), ours)
    best = least(cases, rounds)
    for name in BACKENDS:
        yield Figure(
            what=f"Django WSGI handler, a stream of one chunk, {name}",
            found=f"{shown(best[name] - best['bare'])} more than {shown(best['bare'])}",
            against="the same handler without us",
        )


if __name__ == "__main__":
    given = arguments(__doc__, rounds=20)
    django_site.set_up()
    found = [figure for kind in NETS for figure in figures(kind, given.rounds)]
    show([*found, *whole_responses(given.rounds)], given.json)
