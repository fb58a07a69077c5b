"""Prints how many bytes an open stream costs without a vendor, and without what its body holds.

In a process of its own: what other libraries bind, once imported, is in each stream's Context.
"""

import gc
import sys
import tracemalloc

import streaminstr
from streaminstr import _configure
from streaminstr.types import Outcome

COUNT = 500


def two():
    yield b"one"
    yield b"two"


def cost():
    """Bytes, by tracemalloc."""
    list(streaminstr.stream(two()))
    bodies, held = [two() for _ in range(COUNT)], [None] * COUNT
    gc.collect()
    tracemalloc.start()
    for number, body in enumerate(bodies):
        held[number] = streaminstr.stream(body, name="s")
        next(held[number])
    gc.collect()
    measured = tracemalloc.get_traced_memory()[0] / COUNT
    tracemalloc.stop()
    for stream in held:
        stream.close()
    return measured


if __name__ == "__main__":
    with _configure.forced(_configure.build(log_levels=dict.fromkeys(Outcome))):
        sys.stdout.write(f"{cost()}\n")
