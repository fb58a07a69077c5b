"""What the tests have seen, as tables in docs/reference/servers.md."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import server_expected
from server_process import BACKENDS, FRAMEWORKS, KINDS
from server_scenarios import NAMES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "servers.md"
BEGIN, END = "<!-- begin: written by the tests -->", "<!-- end: written by the tests -->"


def write(seen):
    """Put the tables of `seen` into the page, in place of those that are there."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    parts = [_table(seen, head, servers) for head, servers in _columns().items()]
    tables = "\n\n".join([_versions(), *parts, _backends(seen)])
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}")


def _versions():
    """What the tables were made with."""
    modules = dict.fromkeys(kind.module for kind in KINDS.values())
    distributions = ["Django", *FRAMEWORKS.values(), *modules]
    shown = [f"{name} {version(name)}" for name in distributions if name != "django"]
    return f"Python {platform.python_version()}, {', '.join(shown)}."


def _columns():
    """The servers of each table, by what stands over its rows."""
    columns = {}
    for name, kind in KINDS.items():
        is_django = kind.framework == "django"
        head = kind.protocol.upper() if is_django else " and ".join(FRAMEWORKS.values())
        columns.setdefault(head, []).append(name)
    return columns


def _table(seen, head, servers):
    head = [f"| {head} | {' | '.join(servers)} |", "|---" * (len(servers) + 1) + "|"]
    rows = [
        f"| {scenario} | {' | '.join(_cell(seen.get(name), name, scenario) for name in servers)} |"
        for scenario in NAMES
    ]
    return "\n".join([*head, *rows])


def _cell(observed, server, scenario):
    """Without the net, and with it where that is different."""
    if observed is None:
        return "not run: the server is not installed"
    plain, net = (
        _shown(observed[net][scenario], server, scenario, net=net) for net in (False, True)
    )
    return plain if plain == net else f"{plain}; with net: {net}"


def _shown(observation, server, scenario, *, net):
    """What was seen; where that depends on the moment, why, so that the cell stays the same."""
    expected = server_expected.outcomes(server, KINDS[server].protocol, scenario, net=net)
    if None in expected:
        return server_expected.reason(server, scenario)
    delay = "" if scenario not in server_expected.CUT else f", {_delay(observation.delay)}"
    file = ", sent by the server itself" if observation.zero_copy else ""
    blind = "" if "ddtrace" in observation.closes else " (lost in ddtrace, which stops at SIGTERM)"
    return f"{observation.outcome}{file}{delay}{blind}"


def _delay(seconds):
    if seconds < 0:
        return "before that"
    return "at once" if seconds < 0.1 else f"after {seconds:.1f} s"


def _backends(seen):
    """How many streams each backend has closed; the tests hold that they agree on every one."""
    closes = [
        observation.closes
        for observed in seen.values()
        for net in observed.values()
        for observation in net.values()
    ]
    rows = [
        f"| {backend} | {sum(backend in each for each in closes)} "
        f"| {sum(each.get(backend, 0) > 1 for each in closes)} |"
        for backend in BACKENDS
    ]
    return "\n".join(
        ["| backend | streams closed | closed more than once |", "|---|---|---|", *rows]
    )
