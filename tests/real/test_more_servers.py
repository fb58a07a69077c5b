"""Servers that the table of docs/reference/servers.md does not have, each with both programs."""

from contextlib import ExitStack
from functools import cache

import pytest

from real_files import BIG
from real_server import KINDS, RealServer, visit_both

PROGRAMS = [(kind, stream) for kind in KINDS for stream in KINDS[kind].streams]
READS_ON = ("uwsgi", "file", "leaves")
"""uWSGI reads a file to its end, also once its client has left: the body was produced."""
OUTCOMES = {"full": "completed", "fails": "failed"}


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    """Both programs of a server, which is started when it is first asked for."""
    with ExitStack() as stack:

        @cache
        def server(kind):
            folder = tmp_path_factory.mktemp("server")
            return stack.enter_context(RealServer(KINDS[kind], folder))

        yield cache(lambda kind, stream, ending: visit_both(server(kind), stream, ending))


@pytest.fixture(params=["full", "fails", "leaves"])
def ending(request):
    return request.param


@pytest.fixture(params=PROGRAMS, ids="-".join)
def program(request):
    return request.param


@pytest.fixture
def both(program, ending, visits):
    return visits(*program, ending)


def test_the_response_is_the_same(both, ending):
    assert both.ours == both.plain or (ending == "leaves" and both.ours)


def test_the_body_is_cleaned_up(both):
    assert both.cleaned == ("cleaned up", "cleaned up")


def test_the_outcome(both, program, ending):
    kind, stream = program
    by = " by client" if KINDS[kind].protocol == "asgi" else ""
    if (kind, stream, ending) == READS_ON:
        ending = "full"
    assert both.outcome == OUTCOMES.get(ending, f"cancelled{by}")


def test_there_is_one_scope_in_its_request(both, program, ending):
    assert both.scopes == (1, 1)
    assert both.parent == f"/ours/{program[1]}/{ending}"


def test_the_size_is_what_was_read_of_a_file(both, program, ending):
    if program[1] == "file":
        is_whole = ending == "full" or (*program, ending) == READS_ON
        assert both.size == both.read
        assert (both.read == BIG) == is_whole


def test_the_server_logs_nothing_more(both):
    plain, ours = both.alarms
    assert ours <= plain
