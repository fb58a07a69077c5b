"""Messages that Redis publishes, and Django's cache in Redis."""

from contextvars import Context

import pytest
import redis as client
from django.core.cache import cache
from django.test import override_settings

from real_check import check, visit
from real_django import Django
from real_pubsub import Messages
from real_spans import note


@pytest.fixture
def messages(redis):
    return Messages(redis)


@pytest.fixture
def _cached(redis):
    """Django's cache is there."""
    location = f"redis://127.0.0.1:{redis}"
    backend = "django.core.cache.backends.redis.RedisCache"
    with override_settings(CACHES={"default": {"BACKEND": backend, "LOCATION": location}}):
        yield


def test_no_one_is_subscribed_once_the_stream_has_ended(ending, net, messages):
    check(Django(messages.listening, net=net, after=messages.after), ending)
    assert messages.left == [0, 0]


def lines_of_the_cache(turn):
    for number in range(4):
        cache.set("number", number)
        note(cache.get("number"))
        yield f"{cache.get('number')}\n"
        turn.next()


async def async_lines_of_the_cache(turn):
    for number in range(4):
        await cache.aset("number", number)
        note(await cache.aget("number"))
        yield f"{await cache.aget('number')}\n"
        await turn.anext()


def sync_body(turn):
    try:
        yield from lines_of_the_cache(turn)
    finally:
        close_the_cache()


async def async_body(turn):
    try:
        async for line in async_lines_of_the_cache(turn):
            yield line
    finally:
        close_the_cache()


def close_the_cache():
    """Close what Django leaves to the garbage collector, with or without us.

    A connection of redis's is a reference cycle. If its socket happens to be finalized before the
    connection, Python warns of it.
    """
    pools = cache._cache._pools.values()
    note(f"connections: {[len(pool._available_connections) for pool in pools]}")
    for pool in pools:
        pool.disconnect()


def connections(site, port, *, ours):
    """How many are made for five requests, one after the other in one thread."""
    context = Context()
    with client.Redis(port=port) as redis:
        before = redis.info("stats")["total_connections_received"]
        for _ in range(5):
            visit(site, "full", ours=ours, context=context)
        return redis.info("stats")["total_connections_received"] - before


@pytest.mark.usefixtures("_cached")
@pytest.mark.parametrize("body", [sync_body, async_body])
@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
@pytest.mark.parametrize("ending", ["full", "fails"])
def test_a_body_has_one_connection_to_the_cache(ending, protocol, body, net):
    site = Django(body, protocol=protocol, sync_view=body is sync_body, net=net)
    plain, _ = check(site, ending)
    assert plain.seen.notes[-1] == "connections: [1]"


@pytest.mark.usefixtures("_cached")
@pytest.mark.parametrize("body", [lines_of_the_cache, async_lines_of_the_cache])
@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
def test_the_cache_connects_no_more_often(protocol, body, net, redis):
    is_sync = body is lines_of_the_cache
    site = Django(body, protocol=protocol, sync_view=is_sync, net=net)
    assert connections(site, redis, ours=True) <= connections(site, redis, ours=False)
