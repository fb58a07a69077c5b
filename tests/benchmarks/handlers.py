"""Django's own handlers, driven by hand: what each chunk costs with the middleware and without."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import TYPE_CHECKING, Any

from bodies import NO_LOGS
from figures import Figure, arguments, compared, show, shown
from rounds import least, repeated
from vendors import BACKENDS

import django_site
from streaminstr import _configure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESPONSES = 200
BUDGETS = {"WSGI": "2.00", "ASGI": "1.60"}


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
    bare = drive(kind, django_site.handler(kind, []))
    ours = drive(kind, django_site.handler(kind, [django_site.OURS]))
    cases = {"bare": bare}
    for name, backend in BACKENDS.items():
        cases[name] = with_backend(_configure.build(backend, log_levels=NO_LOGS), ours)
    best = least(cases, rounds)
    for name in BACKENDS:
        yield compared(
            f"Django {kind} handler, per chunk, {name}",
            best[name],
            best["bare"],
            "the same handler without us",
            budget=BUDGETS[kind],
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
    found = [figure for kind in BUDGETS for figure in figures(kind, given.rounds)]
    show([*found, *whole_responses(given.rounds)], given.json)
