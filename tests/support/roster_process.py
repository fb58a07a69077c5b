"""A process with an open stream and a roster in the directory that it is started with.

It prints the id of its stream, then a line for each end; `fork` on its input makes it fork, `visit`
makes it read a whole stream. With `paused` as a second argument it begins so.
"""

import os
import sys
import threading

import streaminstr
from streaminstr.testing import RecordingBackend


def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Told(RecordingBackend):
    """Says how each stream has ended."""

    def open(self, info):
        scope = super().open(info)
        close = scope.close
        scope.close = lambda report: (
            close(report),
            say(report.outcome, report.cancelled_by, report.close_reason),
        )
        return scope


def rows():
    while True:
        yield b"row\n"


def serve():
    """Open a stream, and step it for as long as it is open; returns its thread."""
    made = streaminstr.stream(rows(), name="orders.export")
    next(made)
    step = threading.Event()

    def run():
        for _ in made:
            step.wait(0.05)

    serving = threading.Thread(target=run, daemon=True)
    serving.start()
    return made._life.handle.id


def main():
    levels = dict.fromkeys(streaminstr.Outcome)
    paused = sys.argv[2:] == ["paused"]
    streaminstr.configure(Told(), roster={"DIR": sys.argv[1]}, log_levels=levels, paused=paused)
    say(serve())
    for line in sys.stdin:
        if line == "visit\n":
            list(streaminstr.stream([b"row\n"], name="orders.export"))
            say("visited")
        if line == "fork\n":
            child = os.fork()
            if child:
                say(child)
            else:
                serve()
                threading.Event().wait(30)
                os._exit(0)


main()
