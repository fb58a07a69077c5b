"""One worker of the live demo: `python -m streaminstr.demo.live.worker FOLDER BACKEND SERVER`.

Prints its port, and serves until its input ends: at the latest with the process that started it.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from streaminstr.command.table import say
from streaminstr.demo import recorder_for, set_up_with

SERVERS = ("wsgi", "asgi")


def main(folder: str, backend: str, server: str) -> None:
    """Serve the site."""
    recorder = recorder_for(backend)
    from streaminstr.demo.live.settings import live_settings  # noqa: PLC0415 - needs Django

    logging.getLogger().addHandler(logging.NullHandler())  # the terminal is for the launcher
    set_up_with(live_settings(recorder, Path(folder)))
    from streaminstr.demo import servers  # noqa: PLC0415 - after the settings
    from streaminstr.demo.lines import lines_go_to  # noqa: PLC0415

    serve = {"wsgi": servers.wsgi_server, "asgi": servers.asgi_server}[server]
    with lines_go_to(bool), serve(waits=False) as port:
        say(port)
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
