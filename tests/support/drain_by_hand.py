"""A process with one open stream that waits to be told to stop. Arguments: the body, and how."""

import asyncio
import os
import signal
import sys
import threading
import time

import streaminstr
from streaminstr._process.drain import drain

KIND, *HOW = sys.argv[1:]


def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Backend:
    def open(self, info):
        return self

    def start(self):
        return {}

    def close(self, report):
        say(report.outcome, report.cancelled_by)
        if "ddtrace" in HOW:
            from ddtrace.trace import tracer  # noqa: PLC0415 - not in each process

            say("tracer", tracer.enabled)

    def flush(self, timeout):
        say("flushed")


def handle(number, frame):
    say("handler")
    if "twisted" in HOW:
        os._exit(0)


if "handler" in HOW or "twisted" in HOW:
    handle.__module__ = "twisted.internet" if "twisted" in HOW else __name__
    signal.signal(signal.SIGTERM, handle)
if "ddtrace" in HOW:
    import ddtrace.trace  # noqa: F401 - it sets its handlers
grace = 30 if "stubborn" in HOW else 0.2
streaminstr.configure(
    Backend(),
    drain=None if "off" in HOW else grace,
    log_levels=dict.fromkeys(["completed", "failed", "cancelled", "abandoned"]),
)


def sync_body():
    try:
        while not streaminstr.current_stream().stopping:
            yield b"1"
        say("stopping")
        while True:
            yield b"2"
    finally:
        say("cleaned up")


async def async_body():
    try:
        yield b"1"
        await streaminstr.current_stream().stopped()
        say("stopping")
        await asyncio.Event().wait()
    finally:
        say("cleaned up")


async def read():
    made = streaminstr.stream(async_body())
    await anext(made)
    say("waiting")
    async for _ in made:
        raise AssertionError


def fork():
    child = os.fork()
    if child == 0:
        say("child:", streaminstr.current_stream().stopping, drain._thread)
        os._exit(0)
    os.waitpid(child, 0)


if KIND == "none":
    say("waiting")
    time.sleep(30)
elif KIND == "late":
    early = streaminstr.stream(sync_body())
    next(early)
    say("waiting")
    for _ in early:
        time.sleep(0.01)
    while not drain.is_over:
        time.sleep(0.01)
    for _ in streaminstr.stream(sync_body()):
        time.sleep(0.01)
    os._exit(0)
elif KIND == "async":
    asyncio.run(read())
    streaminstr.shutdown(5)
    os._exit(0) if "handler" in HOW else time.sleep(30)
else:
    made = streaminstr.stream(sync_body())
    next(made)
    if "begun" in HOW:
        streaminstr.drain(0.5)
    if "stubborn" in HOW:
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    say("waiting")
    for _ in made:
        time.sleep(0.01)
        if "forked" in HOW and streaminstr.current_stream().stopping:
            HOW.remove("forked")
            fork()
    time.sleep(30)
