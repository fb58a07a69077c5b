import asyncio
import gc

import pytest

from differential.clock import JumpingLoop


@pytest.fixture(autouse=True)
def small_heap():
    """Each program ends with a collection: let it look at what is new only."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def runner():
    """Runs async programs, one after the other, on a loop whose clock jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as asyncio_runner:
        yield asyncio_runner
