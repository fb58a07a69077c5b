"""Many streams of each ending with the compiled step, after which nothing is left: run as a script.

python speedups_endings.py 1000000     # streams of each ending
"""

import asyncio
import gc
import sys
import warnings

import streaminstr
from streaminstr import Outcome, _speedups
from streaminstr._core.life import open_lives

CHUNK = b"x"


class Scope:
    def start(self):
        return {}

    def close(self, report):
        pass


class Backend:
    def open(self, info):
        return Scope()


def body():
    yield CHUNK
    yield CHUNK


def failing():
    yield CHUNK
    raise ValueError


async def async_body(waits=0):
    for _ in range(2):
        await asyncio.sleep(0) if waits else None
        yield CHUNK


async def async_failing():
    yield CHUNK
    raise ValueError


def stream(made):
    return streaminstr.stream(made, name="ending")


def completed():
    for _ in stream(body()):
        pass


def failed():
    try:
        list(stream(failing()))
    except ValueError:
        return


def closed():
    one = stream(body())
    next(one)
    one.close()


def dropped():
    next(stream(body()))


def never_stepped():
    stream(body())


def thrown_into():
    one = stream(body())
    next(one)
    try:
        one.throw(KeyError())
    except KeyError:
        return


def primed():
    list(stream(body()).prime())


async def async_completed():
    async for _ in stream(async_body()):
        pass


async def async_waiting():
    async for _ in stream(async_body(1)):
        pass


async def async_failed():
    try:
        async for _ in stream(async_failing()):
            pass
    except ValueError:
        return


async def async_closed():
    one = stream(async_body())
    await anext(one)
    await one.aclose()


async def async_dropped():
    await anext(stream(async_body()))


async def async_cut():
    step = stream(async_body(1)).__anext__()
    step.send(None)
    step.close()


async def async_dropped_in_a_step():
    stream(async_body(1)).__anext__().send(None)


async def async_never_awaited():
    stream(async_body()).__anext__()


async def async_ended_in_a_step():
    one = stream(async_body(1))
    step = one.__anext__()
    step.send(None)
    one.end_soon()
    try:
        step.send(None)
        step.send(None)
    except StopIteration:
        return


SYNC = (completed, failed, closed, dropped, never_stepped, thrown_into, primed)
ASYNC = (
    *(async_completed, async_waiting, async_failed, async_closed, async_dropped, async_cut),
    *(async_dropped_in_a_step, async_never_awaited, async_ended_in_a_step),
)


def repeat(ending, times):
    for _ in range(times):
        ending()


async def repeat_async(ending, times):
    for _ in range(times):
        await ending()


def left_by(run, times):
    """How many blocks of memory more there are after `times` more streams."""
    run(max(times // 10, 20))
    gc.collect()
    before = sys.getallocatedblocks()
    run(times)
    gc.collect()
    return sys.getallocatedblocks() - before


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(times):
    warnings.simplefilter("ignore")
    streaminstr.configure(backend=Backend(), log_levels=dict.fromkeys(Outcome))  # no log lines
    say(f"{_speedups.describe()}; {times:,} streams of each ending")
    leaks = 0
    for ending in (*SYNC, *ASYNC):
        if ending in SYNC:
            left = left_by(lambda count, one=ending: repeat(one, count), times)
        else:
            left = left_by(lambda count, one=ending: asyncio.run(repeat_async(one, count)), times)
        is_leak = left > 200 or bool(open_lives())
        leaks += is_leak
        say(f"{ending.__name__:26} {left:6} blocks{'  LEAK' if is_leak else ''}")
    return int(leaks > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
