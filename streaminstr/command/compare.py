"""`streaminstr compare`: a site with both backends on, and its streams side by side.

It listens for both vendors on this host and starts the command of the site, as its operators start
it, with the variables that make both vendors send here. Then it requests some URLs. So it compares
what each vendor's own tracer, sampler and exporter make of the same streams.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError

from streaminstr.command.compared import compared
from streaminstr.command.receiver import Receiver, address
from streaminstr.command.table import print_table, say
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streaminstr.command.receiver import Arrival

COLUMNS = ("stream", "name", "outcome", "parent", ">seconds", "what differs")
ENVIRONMENT = {
    "STREAMINSTR_BACKEND": "ddtrace,opentelemetry",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "OTEL_BSP_SCHEDULE_DELAY": "500",
}
"""For the command, beside where to send to: both backends, soon.

Not DD_TRACE_AGENT_PROTOCOL_VERSION: that the site lacks it is one of the things to find.
"""
ELSEWHERE = {
    f"OTEL_EXPORTER_OTLP_{signal}_{what}"
    for signal in ("TRACES", "METRICS", "LOGS")
    for what in ("ENDPOINT", "PROTOCOL")
}
"""Variables that count more than the one that names the receiver."""
LAST_SECONDS = 10.0
"""How long the command has to end and to send what it has buffered."""
_STDERR = 2
UP_SECONDS = 60.0
"""How long it has to answer for the first time."""


def compare(
    command: Sequence[str] = (),
    *,
    receiver: str = "0",
    urls: Sequence[str] = (),
    streams: int | None = None,
    seconds: float | None = None,
) -> int:
    """Compare and print; return 0 where nothing differs, else 1.

    Ends when the `urls` were read, after `streams` or `seconds`, or with the command. Without one
    it listens for a process that was pointed here. Raises StreaminstrError if it cannot begin.
    """
    if command and shutil.which(command[0]) is None:
        msg = f"There is no command {command[0]!r}. Write it after `--`, as you start the site."
        raise StreaminstrError(msg)
    deadline = time.monotonic() + (seconds or float("inf"))
    with Receiver(*address(receiver)) as listening:
        variables = {**listening.environment, **ENVIRONMENT}
        if not command:
            say("Listening. Start the site with: " + " ".join(map("=".join, variables.items())))
        with _started(command, variables) as site:
            for url in urls:
                _read(url, site)
            if not urls:
                _wait_for_streams(listening, streams, deadline, site)
            # Before it is terminated: uvicorn loses what an SDK has buffered by then.
            _wait_for_both(listening, len(urls))
        _wait_for_both(listening, 1)
        return show(listening.arrivals())


def show(arrivals: list[Arrival]) -> int:
    """Print the streams side by side; return the exit code."""
    rows = compared(arrivals)
    problems = {f"{one.protocol} {one.problem}." for one in arrivals if one.problem}
    print_table(COLUMNS, [row.row() for row in rows])
    differ = sum(bool(row.differences()) for row in rows)
    if not rows:
        say("\nNo stream has arrived from either vendor.")
    elif differ:
        say(f"\n{differ} of {len(rows)} streams differ. Of two values Datadog's is the first.")
    else:
        say(f"\n{len(rows)} streams, the same at both vendors.")
    for problem in sorted(problems):
        say(problem)
    return int(bool(differ or problems) or not rows)


@contextmanager
def _started(
    command: Sequence[str], variables: dict[str, str]
) -> Iterator[subprocess.Popen[bytes] | None]:
    """The command, ended with the block by a signal, so it sends what it has buffered."""
    if not command:
        yield None
        return
    own = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    # What the site prints goes to the standard error: the table alone is this command's output.
    with subprocess.Popen(  # noqa: S603 - the user's own
        command, env={**own, **variables}, stdout=_STDERR
    ) as site:
        try:
            yield site
        finally:
            site.terminate()
            with suppress(subprocess.TimeoutExpired):
                site.wait(LAST_SECONDS)
            site.kill()


def _read(url: str, site: subprocess.Popen[bytes] | None) -> None:
    """Read `url` to its end, whatever kind of end; the site may still be starting."""
    if not url.startswith(("http://", "https://")):
        msg = f"--get is {url!r}. It takes an address such as http://127.0.0.1:8000/prices/."
        raise StreaminstrError(msg)
    deadline = time.monotonic() + UP_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=UP_SECONDS) as answer:  # noqa: S310 - see above
                answer.read()
        except HTTPError as error:
            sys.stderr.write(f"{url} answers {error.code} {error.reason}.\n")
            error.close()
            return
        except HTTPException:
            return  # cut in the middle of a chunk, as a stream that fails
        except OSError as error:
            if not isinstance(getattr(error, "reason", error), ConnectionRefusedError):
                return  # an end before the end: a stream it may be
            if time.monotonic() > deadline or (site is not None and site.poll() is not None):
                msg = f"{url} does not answer: {error}."
                raise StreaminstrError(msg) from error
            time.sleep(0.2)
        else:
            return


def _wait_for_streams(
    receiver: Receiver,
    streams: int | None,
    deadline: float,
    site: subprocess.Popen[bytes] | None,
) -> None:
    """Wait for so many streams, the deadline, the end of the site or Ctrl-C."""
    with suppress(KeyboardInterrupt):
        while time.monotonic() < deadline and (site is None or site.poll() is None):
            if streams is not None and len(compared(receiver.arrivals())) >= streams:
                return
            receiver.wait_for(lambda _: False, 0.2)


def _wait_for_both(receiver: Receiver, least: int) -> None:
    """Wait for `least` streams, each from both vendors, at most for some seconds."""

    def is_whole(arrivals: list[Arrival]) -> bool:
        rows = compared(arrivals)
        return len(rows) >= least and all(row.datadog and row.opentelemetry for row in rows)

    receiver.wait_for(is_whole, LAST_SECONDS / 2)
