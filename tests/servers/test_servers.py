"""Every ending on every server: closed exactly once, with the right outcome, without delay.

Each server runs the whole list of scenarios once with our middleware alone, and once in the
outermost net, too. The streams of a process are recorded by four backends at the same time.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

import server_expected
from server_bodies import FILE_SIZE, MIB
from server_process import KINDS, LONG, is_missing
from server_scenarios import NAMES, run_all

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module", params=KINDS)
def server(request, table, tmp_path_factory):
    """The name of a server, and what it was seen to do, by `net` and scenario."""
    name = request.param
    if name in LONG and request.config.getoption("--short"):
        pytest.skip("left out by --short")
    if is_missing(KINDS[name]):
        pytest.skip(f"{KINDS[name].module} is not installed")
    folders = [tmp_path_factory.mktemp("server") for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(partial(run_all, KINDS[name], net=net, folder=folder))
            for net, folder in zip((False, True), folders, strict=True)
        ]
        table[name] = dict(zip((False, True), [run.result() for run in runs], strict=True))
    return name, table[name]


@pytest.fixture(params=[False, True], ids=["middleware", "net"])
def net(request):
    return request.param


@pytest.fixture
def seen(server, net):
    """By scenario."""
    return server[1][net]


@pytest.mark.parametrize("scenario", NAMES)
def test_the_outcome_is_what_it_has_to_be(server, net, seen, scenario):
    name = server[0]
    expected = server_expected.outcomes(name, KINDS[name].protocol, scenario, net=net)
    assert seen[scenario].outcome in expected


@pytest.mark.parametrize("scenario", NAMES)
def test_a_started_stream_is_closed_exactly_once_and_all_backends_agree(
    server, net, seen, scenario
):
    stream = seen[scenario]
    if stream.outcome is None:
        assert stream.closes == {}
    else:
        assert stream.starts == 1
        backends = server_expected.backends(server[0], scenario, net=net)
        assert stream.closes == dict.fromkeys(backends, 1)
        assert [len(stream.outcomes), len(stream.chunks), len(stream.size)] == [1, 1, 1]


def test_a_response_that_was_dropped_is_never_started(seen):
    assert seen["dropped response"].starts == 0
    assert seen["dropped response"].answer.count(b"another") == 1


@pytest.mark.parametrize("scenario", sorted(server_expected.CUT))
def test_a_client_that_leaves_is_noticed_without_delay(server, seen, scenario):
    protocol = KINDS[server[0]].protocol
    assert seen[scenario].delay < server_expected.patience(protocol, scenario)


@pytest.mark.parametrize(
    ("scenario", "size"),
    [("full read", 25), ("gzip outside", 25), ("slow reader", 24 * MIB), ("file", FILE_SIZE)],
)
def test_bytes_are_those_of_the_body(seen, scenario, size):
    assert seen[scenario].size == ({size} if seen[scenario].outcome else set())


def test_the_client_gets_the_whole_body(seen):
    assert seen["full read"].answer.count(b"drip") == 5
    assert len(seen["file"].answer) > FILE_SIZE
    assert b"content-encoding: gzip" in seen["gzip outside"].answer.lower()


def test_a_file_is_still_sent_by_the_server_itself(server, seen):
    """Where the server can: neither the middleware nor the net stands in its way."""
    assert seen["file"].zero_copy is (server[0] in {"gunicorn sync", "gunicorn gthread"})


def test_what_is_current_in_a_step_is_the_stream_itself_and_nothing_is_between_steps(seen):
    stream = seen["isolation"]
    steps = [line.split()[1:] for line in stream.answer.splitlines() if b"current" in line]
    assert [set(step) for step in steps] == [{step[0]} for step in steps]
    assert sorted(Counter(step[0][-1:] for step in steps).items()) == [(b"a", 10), (b"b", 10)]
    assert {len(step) for step in steps} == {4}
    assert stream.left == ()


def test_log_lines_of_the_body_carry_the_span_and_the_stream(seen):
    lines = seen["logging"].logged
    assert [(line["said"], line["number"]) for line in lines] == [("at work", n) for n in range(3)]
    assert {line["stream"] for line in lines} != {None}
    for name in ("trace_id", "span_id", "dd.trace_id", "dd.span_id"):
        (only,) = {line[name] for line in lines}
        assert only


def test_pings_are_counted_and_are_no_events(seen):
    assert seen["pings"].events == {(2, 2)}
    assert seen["pings"].answer.count(b": ping") == seen["pings"].answer.count(b"data: ") == 2


def test_a_body_that_says_that_it_has_failed_is_sent_to_its_end(seen):
    assert seen["fail"].answer.count(b"drip") == 2


def test_an_open_stream_is_found_and_can_be_closed(seen):
    stream = seen["open streams"]
    (found,) = [line.split() for line in stream.answer.splitlines() if line.startswith(b"open ")]
    assert found[2:] == [b"1", b"producer"]
    assert stream.answer.count(b"drip") < 300
    assert stream.reason == "as the test wants it"


def test_a_drain_is_seen_by_the_body_and_ends_it_with_the_farewell(seen):
    answer = seen["drain"].answer
    assert b"data: stopping" in answer
    assert answer.count(b"event: bye") == 1
    assert answer.count(b"data: ") < 300
