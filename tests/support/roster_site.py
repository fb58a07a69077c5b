"""A process of a site with a roster, which does what it is asked on its input, a line each.

`prepare`, `open`, `table`, `paused`, `close ID`, `send WHAT`: it makes the table of a cache in a
database, prints the id of the new stream, how many streams and workers it sees, which are paused,
and what came of a request.
"""

import json
import sys
import threading

import django
from django.conf import settings
from django.core.management import call_command

import streaminstr
from streaminstr import _configure


def serve():
    """Open a stream that is stepped until it is closed; returns its id."""
    made = streaminstr.stream(iter(lambda: b"row\n", None), name="orders.export")
    next(made)
    pause = threading.Event()

    def run():
        for _ in made:
            pause.wait(0.05)

    threading.Thread(target=run, daemon=True).start()
    return made._life.handle.id


def answer(line):
    command, *arguments = line.split()
    roster = _configure.roster()
    if command == "prepare":
        return call_command("createcachetable", verbosity=0)
    if command == "open":
        return serve()
    if command == "close":
        return roster.request_close(*arguments, "by hand", timeout=10)
    if command == "send":
        return json.dumps(sorted(roster.send(*arguments, timeout=10).values()))
    table = roster.table()
    if command == "paused":
        return json.dumps([worker.paused for worker in table.workers])
    return json.dumps([len(table.rows), len(table.workers), table.problem])


def main():
    site = json.loads(sys.argv[1])
    levels = dict.fromkeys(streaminstr.Outcome)
    settings.configure(
        SECRET_KEY="x",  # noqa: S106
        INSTALLED_APPS=["streaminstr.django"],
        STREAMINSTR={"ROSTER": {"CACHE": "default"}, "LOG_LEVELS": levels},
        **site,
    )
    django.setup()
    for line in sys.stdin:
        sys.stdout.write(f"{answer(line)}\n")
        sys.stdout.flush()


main()
