"""The roster of two processes in the caches that sites have: Redis, memcached, a database."""

import json
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

import real_services

SITE = Path(real_services.__file__).with_name("roster_site.py")
CACHES = "django.core.cache.backends"
PATIENCE = 30


def cache(backend, location):
    """A site's cache, with keys of its own: pages of the tests before outlive their processes."""
    one = {"BACKEND": f"{CACHES}.{backend}", "LOCATION": location, "KEY_PREFIX": uuid4().hex}
    return {"CACHES": {"default": one}}


@pytest.fixture(params=["redis", "memcached", "database"])
def settings(request):
    """The settings of a site with a cache of each kind."""
    if request.param == "redis":
        port = request.getfixturevalue("redis")
        yield cache("redis.RedisCache", f"redis://127.0.0.1:{port}")
    elif request.param == "database":
        port = request.getfixturevalue("postgres")
        where = {"HOST": "127.0.0.1", "PORT": port, "NAME": "postgres", "USER": "postgres"}
        database = {"ENGINE": "django.db.backends.postgresql", **where}
        site = {**cache("db.DatabaseCache", "cache"), "DATABASES": {"default": database}}
        with process(site) as first:
            first.ask("prepare")
        yield site
    elif shutil.which("memcached") is None:
        pytest.skip("memcached is not installed")
    else:
        with real_services.memcached() as port:
            yield cache("memcached.PyMemcacheCache", f"127.0.0.1:{port}")


class Process:
    def __init__(self, running):
        self.running = running

    def ask(self, *words):
        self.running.stdin.write(" ".join(words) + "\n")
        self.running.stdin.flush()
        return self.running.stdout.readline().strip()

    def sees(self, *numbers):
        """Whether it sees so many streams and workers, in time."""
        deadline = time.monotonic() + PATIENCE
        while (table := json.loads(self.ask("table"))) != [*numbers, ""]:
            assert time.monotonic() < deadline, table
            threading.Event().wait(0.1)
        return True


@contextmanager
def process(settings):
    command = [sys.executable, str(SITE), json.dumps(settings)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True) as running:  # noqa: S603 - our own
        yield Process(running)
        running.kill()


def test_two_processes_have_one_table_and_close_the_streams_of_each_other(settings):
    with process(settings) as one, process(settings) as other:
        id_ = one.ask("open")
        other.ask("open")
        assert one.sees(2, 2)
        assert other.sees(2, 2)
        assert other.ask("close", id_) == "closed"
        assert one.sees(1, 2)
        assert one.ask("close", id_) == "gone"


def test_a_process_pauses_and_resumes_all(settings):
    with process(settings) as one, process(settings) as other:
        one.ask("open")
        other.ask("open")
        assert one.sees(2, 2)
        for change, answer in (("pause", "paused"), ("resume", "resumed")):
            assert json.loads(one.ask("send", change)) == [answer] * 2
            assert json.loads(one.ask("paused")) == [change == "pause"] * 2


def test_a_process_that_was_killed_is_gone_within_its_time_to_live(settings):
    with process(settings) as one, process(settings) as other:
        one.ask("open")
        other.ask("open")
        assert other.sees(2, 2)
        one.running.kill()
        assert other.sees(1, 1)


def test_a_cache_that_is_down_leaves_the_own_streams():
    port = real_services.free_port()
    with process(cache("redis.RedisCache", f"redis://127.0.0.1:{port}")) as one:
        one.ask("open")
        rows, workers, problem = json.loads(one.ask("table"))
        assert (rows, workers) == (1, 1)
        assert "cannot be read" in problem
