"""Kinds of sync bodies: generators."""

from __future__ import annotations

from differential.kinds import kind
from differential.world import CHUNKS, local, own
from streaminstr import current_stream


@kind("generator", sends=True)
def chunks(world):
    for number in range(CHUNKS):
        yield world.chunk(number)


@kind("generator with a return value", sends=True)
def returning(world):
    yield from chunks(world)
    return {"usage": CHUNKS}


@kind("generator with a clean-up", sends=True)
def cleaning(world):
    try:
        yield from chunks(world)
    finally:
        world.note("clean-up")


@kind("generator in generators", sends=True)
def nested(world):
    try:
        result = yield from cleaning(world)
        world.note(f"inner returned {result}")
    except GeneratorExit:
        world.note("outer was closed")
        raise


@kind("generator that holds a token", sends=True)
def holding(world):
    token = own.set("held")
    try:
        yield from chunks(world)
    finally:
        world.note("clean-up")
        own.reset(token)


@kind("generator that catches its close", sends=True)
def catching(world):
    try:
        yield from chunks(world)
    except GeneratorExit:
        world.note("closed")


@kind("generator that yields after its close", sends=True)
def stubborn(world):
    try:
        yield from chunks(world)
    except GeneratorExit:
        world.note("closed")
        yield b"more"


@kind("generator whose clean-up raises", sends=True)
def failing_clean_up(world):
    try:
        yield from chunks(world)
    finally:
        world.note("clean-up")
        world.refuse("clean-up")


@kind("generator that is sent values", sends=True)
def echo(world):
    sent = None
    for number in range(CHUNKS):
        try:
            sent = yield world.chunk(number), sent
        except KeyError as error:
            sent = f"caught {error.args}"
    return sent


@kind("generator that binds", sends=True)
def binding(world):
    for chunk in chunks(world):
        own.set(f"by chunk {chunk}")
        local.own = f"by chunk {chunk}"
        world.note("bound")
        yield chunk


@kind("generator that asks for its stream", sends=True)
def asking(world):
    for chunk in chunks(world):
        stream = current_stream()
        if stream:
            stream.set_attribute("shop.chunk", chunk.decode())
            stream.logger.debug("chunk")
        yield chunk


@kind("generator expression", sends=True)
def expression(world):
    return (world.chunk(number) for number in range(CHUNKS))
