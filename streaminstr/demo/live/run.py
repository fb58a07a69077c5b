"""Start the workers of the live demo and their clients, and say where to look."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from streaminstr import StreaminstrError
from streaminstr.command.table import say
from streaminstr.demo import NEEDED, recorder_for, require, set_up_with
from streaminstr.demo.live.worker import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 10.0
"""Seconds for a worker to end."""


def live(backend: str) -> int:
    """Keep streams of each kind going until Ctrl-C; returns 0.

    Raises StreaminstrError where something is not installed, or `backend` does not exist.
    """
    require(NEEDED, "The demo", "streaminstr[demo]")
    with TemporaryDirectory(prefix="streaminstr-demo-") as name, ExitStack() as stack:
        password = prepare(Path(name), backend)
        ports = {one: stack.enter_context(worker(name, backend, one)) for one in SERVERS}
        show(ports, password)
        from streaminstr.demo.live.clients import keep_going  # noqa: PLC0415 - needs Django

        with suppress(KeyboardInterrupt):
            asyncio.run(keep_going(ports))
        say()
    return 0


def prepare(folder: Path, backend: str) -> str:
    """Make the database with its one user, who may view and close; returns the password."""
    (folder / "key").write_text(secrets.token_urlsafe(32))
    recorder = recorder_for(backend)
    from streaminstr.demo.live.settings import STAFF, live_settings  # noqa: PLC0415 - needs Django

    set_up_with(live_settings(recorder, folder))
    from django.contrib.auth.models import Permission, User  # noqa: PLC0415 - after the settings
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    password = secrets.token_urlsafe(6)
    user = User.objects.create_user(STAFF, password=password, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="streaminstr"))
    return password


@contextmanager
def worker(folder: str, backend: str, server: str) -> Iterator[int]:
    """A worker process; yields its port."""
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "streaminstr.demo.live.worker", folder, backend, server],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the launcher, which ends the workers
    ) as process:
        port = process.stdout.readline() if process.stdout else ""
        if not port:
            msg = f"The demo's {server.upper()} server has not started."
            raise StreaminstrError(msg)
        try:
            yield int(port)
        finally:
            process.communicate(timeout=_PATIENCE)


def show(ports: dict[str, int], password: str) -> None:
    """Print where to look."""
    from streaminstr.demo.live.clients import KINDS  # noqa: PLC0415 - needs Django
    from streaminstr.demo.live.settings import STAFF  # noqa: PLC0415
    from streaminstr.demo.servers import HOST  # noqa: PLC0415

    say("Streams are kept going, on two workers:")
    for kind in KINDS:
        say(f"  {kind.clients} x {kind.server.upper()}  {kind.what}")
    say(f"\nThe page of open streams:  http://{HOST}:{ports['asgi']}/streams/")
    say(f"Log in as:                 {STAFF}   password: {password}   (this run alone)")
    say("In another terminal:       streaminstr top")
    say("\nCtrl-C ends it.")
    sys.stdout.flush()
