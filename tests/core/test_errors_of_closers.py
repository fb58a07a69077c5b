"""What the closers of a body raise reaches the caller as it would without a stream."""

import gc
from weakref import ref

import pytest

from streaminstr import stream

REFUSED = "refused"


class Refusing:
    def __iter__(self):
        return iter([b"1", b"2"])

    def close(self):
        raise OSError(REFUSED)


class RefusingAsync:
    def __aiter__(self):
        return self

    async def __anext__(self):
        return b"1"

    async def aclose(self):
        raise OSError(REFUSED)


def leave(body):
    """As a server does whose client has left."""
    try:
        next(iter(body))
        raise BrokenPipeError
    finally:
        body.close()


async def leave_async(body):
    try:
        await anext(aiter(body))
        raise BrokenPipeError
    finally:
        await body.aclose()


@pytest.mark.parametrize("wrap", [lambda body: body, stream], ids=["plain", "stream"])
def test_an_error_of_a_close_keeps_the_one_that_was_handled(wrap):
    with pytest.raises(OSError, match=REFUSED) as caught:
        leave(wrap(Refusing()))
    assert isinstance(caught.value.__context__, BrokenPipeError)


@pytest.mark.parametrize("wrap", [lambda body: body, stream], ids=["plain", "stream"])
async def test_so_does_one_of_an_aclose(wrap):
    with pytest.raises(OSError, match=REFUSED) as caught:
        await leave_async(wrap(RefusingAsync()))
    assert isinstance(caught.value.__context__, BrokenPipeError)


class Odd:
    """A closer that says nothing of itself."""

    def __getattr__(self, name):
        raise LookupError(name)

    def __call__(self):
        raise AssertionError


def test_a_closer_that_cannot_be_asked_for_its_name_fails_once():
    body = Refusing()
    body.close = Odd()
    with pytest.raises(LookupError, match="__name__"):
        leave(stream(body))


def test_it_is_in_no_reference_cycle():
    body = Refusing()
    dropped = ref(body)
    gc.disable()
    try:
        with pytest.raises(OSError, match=REFUSED) as caught:
            leave(stream(body))
        del body, caught
        assert dropped() is None
    finally:
        gc.enable()
