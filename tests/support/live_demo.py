"""`streaminstr demo --live`, running, and what it prints."""

import re
import signal
import subprocess
from contextlib import contextmanager
from types import SimpleNamespace

from command_runs import TIMEOUT, command_line, environment


@contextmanager
def live_demo(*arguments, **changes):
    """A running demo; yields its text, and later its exit code and errors. Ends by Ctrl-C."""
    with subprocess.Popen(  # noqa: S603 - our own command
        command_line("demo", "--live", *arguments),
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        demo = SimpleNamespace()
        try:
            demo.text = "".join(_until_ctrl_c(process.stdout))
            yield demo
        finally:
            process.send_signal(signal.SIGINT)
            _, demo.errors = process.communicate(timeout=TIMEOUT)
            demo.code = process.returncode


def origin_in(text):
    return re.search(r"(http://127\.0\.0\.1:\d+)/streams/", text)[1]


def password_in(text):
    return re.search(r"password: (\S+)", text)[1]


def _until_ctrl_c(lines):
    for line in lines:
        yield line
        if "Ctrl-C" in line:
            return
