"""Greenlets of one thread take turns inside steps: each has a current Context of its own."""

import pytest

from core_fakes import bound, surroundings
from streaminstr import Outcome, current_stream, stream

gevent = pytest.importorskip("gevent")


def body(name):
    bound.set(name)
    for number in range(3):
        gevent.sleep(0)
        yield number, bound.get(), current_stream().info.name


def in_greenlets(*functions):
    """Run them all beside each other; gives their results."""
    greenlets = [gevent.spawn(function) for function in functions]
    gevent.joinall(greenlets, timeout=30, raise_error=True)
    return [greenlet.value for greenlet in greenlets]


def drained(name):
    def drain():
        before = surroundings()
        chunks = []
        for chunk in stream(body(name), name=name):
            assert surroundings() == before
            chunks.append(chunk)
            gevent.sleep(0)
        return chunks

    return drain


def test_streams_of_greenlets_that_take_turns_do_not_mix(backend):
    results = in_greenlets(*map(drained, "abc"))
    assert results == [[(number, name, name) for number in range(3)] for name in "abc"]
    assert {one.outcome for one in backend.streams} == {Outcome.COMPLETED}


def test_a_greenlet_that_is_killed_inside_a_step_is_cancelled(backend):
    def forever():
        yield gevent.sleep(3600)

    greenlet = gevent.spawn(list, stream(forever()))
    gevent.sleep(0)
    greenlet.kill()
    assert [one.outcome for one in backend.streams] == [Outcome.CANCELLED]


def test_close_by_a_greenlet_while_another_is_inside_a_step(backend):
    made = stream(body("shop"))
    step = gevent.spawn(next, made)
    gevent.sleep(0)
    made.close()
    assert backend.streams[0].is_open
    step.join(30)
    assert step.value[0] == 0
    assert backend.streams[0].outcome is Outcome.CANCELLED


def test_the_steps_of_a_stream_may_come_from_several_greenlets(backend):
    made = stream(body("shop"), name="shop")
    results = [in_greenlets(lambda: next(made))[0] for _ in range(3)]
    made.close()
    assert results == [(number, "shop", "shop") for number in range(3)]
