"""What the nets read of the frames that await them."""

import weakref

import pytest

from streaminstr._frames import comes_from, is_awaited_by, local_of


class Chunk:
    pass


async def ask(name):
    return is_awaited_by(__name__), local_of(__name__, name)


async def test_a_local_variable_of_what_awaits(recorded):
    name = "name"
    assert await ask(name) == (True, "name")


async def test_of_a_module_that_awaits_nothing_there_is_none(recorded):
    assert not is_awaited_by("wsgiref.simple_server")
    assert not is_awaited_by("no_such_module")
    assert local_of("no_such_module", "recorded") is None


def test_the_frame_keeps_nothing_for_it():
    """Up to Python 3.12 its variables are copied to be read, and the copy stays with the frame."""
    chunk = Chunk()
    dropped = weakref.ref(chunk)
    assert local_of(__name__, "chunk") is chunk
    del chunk
    assert dropped() is None


def test_a_group_comes_from_where_all_of_its_errors_do():
    with pytest.raises(KeyError) as raised:
        raise KeyError
    group = ExceptionGroup("two", [raised.value, KeyError()])
    assert comes_from(__name__, raised.value)
    assert not comes_from(__name__, group)
    assert comes_from(__name__, ExceptionGroup("one", [raised.value]))
