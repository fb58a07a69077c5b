"""Debian's redis-server and postgresql, on loopback, in folders of their own, for one session."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE = 30
BOUNDED = ("timeout", "900")
"""Ends a server whose tests were killed before they could."""
POSTGRES = "postgres"
"""The user that runs it where the tests run as root, which it refuses."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def redis():
    """The port of a Redis that keeps nothing."""
    with tempfile.TemporaryDirectory(prefix="streaminstr-redis-") as folder:
        port = free_port()
        quiet = ("--save", "", "--appendonly", "no", "--dir", folder, "--loglevel", "warning")
        command = ("redis-server", "--bind", "127.0.0.1", "--port", str(port), *quiet)
        with _running(command, port, signal.SIGTERM):
            yield port


@contextlib.contextmanager
def memcached():
    """The port of a memcached."""
    port = free_port()
    as_user = ("-u", "nobody") if os.geteuid() == 0 else ()
    command = ("memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-m", "64", *as_user)
    with _running(command, port, signal.SIGTERM):
        yield port


@contextlib.contextmanager
def postgres():
    """The port of a PostgreSQL with the user and database `postgres`, without a password."""
    with tempfile.TemporaryDirectory(prefix="streaminstr-postgres-") as folder:
        port, data, as_user = free_port(), f"{folder}/data", {}
        if os.geteuid() == 0:
            as_user = {"user": POSTGRES, "group": POSTGRES, "extra_groups": ()}
            shutil.chown(folder, POSTGRES, POSTGRES)
        make = (_binary("initdb"), "-D", data, "-A", "trust", "-U", POSTGRES, "--no-sync")
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_user)  # noqa: S603
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "fsync": "off",
            "log_min_messages": "fatal",
        }
        set_up = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = (_binary("postgres"), "-D", data, *set_up)
        with _running(command, port, signal.SIGINT, cwd=folder, **as_user):
            _wait_until_ready(port)
            yield port


def _binary(name):
    """The newest of Debian's, which are not on the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(versions[-1]) if versions else name


@contextlib.contextmanager
def _running(command, port, stop, **options):
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    process = subprocess.Popen([*BOUNDED, *command], **quiet, **options)  # noqa: S603
    try:
        wait_for_port(port, process)
        yield
    finally:
        process.send_signal(stop)
        process.wait(PATIENCE)


def wait_for_port(port, process):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    message = f"nothing listens on port {port}: {process.args}, {process.poll()}"
    raise AssertionError(message)


def _wait_until_ready(port):
    """It listens before it takes anyone in."""
    check = (_binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-U", POSTGRES)
    for _ in range(100):
        if subprocess.run(check, check=False).returncode == 0:  # noqa: S603
            return
        time.sleep(0.05)
