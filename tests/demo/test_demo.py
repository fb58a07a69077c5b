"""The demo as a whole: real servers, real requests, in a process of its own."""

import re
import signal
import socket
import subprocess
import urllib.request

import pytest

from command_runs import TIMEOUT, command_line, environment, run
from streaminstr._install import install_line

OPENTELEMETRY = ("streaminstr[opentelemetry,demo]", "opentelemetry-sdk")
STREAMS = ("export", "broken", "live", "events", "prices", "chat", "file")
BACKENDS = ("log", "opentelemetry", "ddtrace")


@pytest.fixture(scope="module")
def outputs():
    return {backend: run("demo", "--backend", backend) for backend in BACKENDS}


def shape(output):
    """The trees, log lines, outcomes and counts of an output, without times and random ids."""
    trees, _, table = output.partition("on    ")
    trees = re.sub(r"\|[ =]+\| +[\d.]+ ms", "", trees)
    trees = re.sub(r" +[\d.]+ (ms|/s)", "", trees)
    trees = re.sub(r"trace_id=[0-9a-f]{8}\.\.\.", "trace_id=...", trees)
    rows = [line.split()[:-4] for line in table.splitlines()]
    return [line.rstrip() for line in trees.splitlines()], rows[:18]


def rows_of(output):
    """Server, route, outcome, chunks and bytes of each row."""
    pattern = r"^(WSGI|ASGI) +GET (\w+)/ +([a-z ]+?)  +(\d+|-) +(\d+|-) "
    return re.findall(pattern, output, re.MULTILINE)


@pytest.mark.parametrize("backend", BACKENDS)
def test_ends_by_itself_with_exit_code_0_and_nothing_on_stderr(outputs, backend):
    assert (outputs[backend].returncode, outputs[backend].stderr) == (0, "")


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_vendors_show_the_same_trees_outcomes_and_counts(outputs, backend):
    assert shape(outputs[backend].stdout) == shape(outputs["log"].stdout)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_ending_is_there_on_both_servers(outputs, backend):
    assert [row[:4] for row in rows_of(outputs[backend].stdout)] == [
        ("WSGI", "export", "completed", "5"),
        ("WSGI", "broken", "failed", "2"),
        ("WSGI", "live", "cancelled", "4"),
        ("WSGI", "export", "never read", "-"),
        ("WSGI", "events", "completed", "3"),
        ("WSGI", "prices", "completed", "4"),
        ("WSGI", "chat", "failed", "4"),
        ("WSGI", "file", "completed", "2"),
        ("ASGI", "export", "completed", "5"),
        ("ASGI", "broken", "failed", "2"),
        ("ASGI", "live", "cancelled by client", "3"),
        ("ASGI", "export", "never read", "-"),
        ("ASGI", "events", "completed", "3"),
        ("ASGI", "prices", "completed", "4"),
        ("ASGI", "chat", "failed", "4"),
        ("ASGI", "file", "completed", "1"),
    ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_children_stand_below_the_stream_and_the_stream_below_the_request(outputs, backend):
    trees, _ = shape(outputs[backend].stdout)
    begin = trees.index("asgi-events: completed")
    assert trees[begin + 3 : begin + 7] == [
        "  request",
        "    GET events/",
        "      query",
        "        render",
    ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_log_lines_carry_request_id_and_trace_id(outputs, backend):
    trees, _ = shape(outputs[backend].stdout)
    lines = [line.strip() for line in trees if "wsgi-live" in line]
    assert lines == [
        "wsgi-live: cancelled",
        "cleaned up  request_id=wsgi-live trace_id=...",
        "stream_closed  request_id=wsgi-live trace_id=...",
    ]


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_an_event_stream_is_counted_in_events_and_pings(server, backend, outputs):
    trees, _ = shape(outputs[backend].stdout)
    begin = trees.index(f"{server}-prices: completed")
    assert trees[begin + 5].strip() == "2 events, 2 pings, first event after"


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stream_of_tokens_has_its_first_token_and_its_tokens_and_fails_in_band(
    server, backend, outputs
):
    trees, _ = shape(outputs[backend].stdout)
    begin = trees.index(f"{server}-chat: failed with ConnectionError")
    assert [line.strip() for line in trees[begin + 5 : begin + 8]] == [
        "4 events, 0 pings, first event after",
        "first_token after",
        "demo.tokens 3,",
    ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_body_that_django_reads_whole_is_noted_in_lines_that_are_not_too_long(outputs, backend):
    lines = outputs[backend].stdout.splitlines()
    (first,) = [line for line in lines if "Django reads the whole body" in line]
    assert "'file/'" in first


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_line_is_wider_than_a_terminal(outputs, backend):
    assert max(map(len, outputs[backend].stdout.splitlines())) <= 80


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("visit", "deed", "without"),
    [
        ("export", "reads to the end", "2 traces, no outcome, 1 log line without ids"),
        ("broken", "reads to the end", "2 traces, no outcome"),
        ("live", "leaves after three rows", "2 traces, no outcome, 1 log line without ids"),
        ("unchanged", "asks for news", "1 trace, no outcome"),
        ("events", "reads to the end", "4 traces, no outcome, 3 log lines without ids"),
    ],
)
def test_each_visit_says_what_was_done_and_what_there_is_without_the_library(
    outputs, backend, server, visit, deed, without
):
    lines = outputs[backend].stdout.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith(f"{server}-{visit}: "))
    assert lines[begin + 1 : begin + 3] == [
        f"  the client {deed}",
        f"  without streaminstr: {without}",
    ]


def test_standard_logging_shows_the_same_as_structlog(outputs):
    done = run("demo", without=("structlog",))
    assert shape(done.stdout) == shape(outputs["log"].stdout)


@pytest.mark.parametrize(
    ("backend", "missing", "packages"),
    [
        ("log", "django", ("streaminstr[demo]",)),
        ("log", "uvicorn", ("streaminstr[demo]",)),
        ("opentelemetry", "opentelemetry.sdk", OPENTELEMETRY),
        ("opentelemetry", "opentelemetry", OPENTELEMETRY),
        ("ddtrace", "ddtrace", ("streaminstr[ddtrace,demo]",)),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_installs_it(backend, missing, packages):
    done = run("demo", "--backend", backend, without=(missing,))
    assert done.returncode == 2
    assert f"needs {missing}" in done.stderr
    assert done.stderr.endswith(f" Install it: {install_line(*packages)}\n")


@pytest.mark.parametrize(
    ("backend", "off"),
    [
        ("opentelemetry", {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_SAMPLER": "always_off"}),
        ("ddtrace", {"DD_TRACE_ENABLED": "false", "DD_TRACE_SAMPLE_RATE": "0"}),
    ],
)
def test_a_vendor_that_the_environment_turns_off_is_shown_all_the_same(backend, off):
    assert run("demo", "--backend", backend, **off).returncode == 0


def test_datadog_s_agent_is_sent_nothing():
    with socket.create_server(("127.0.0.1", 0)) as agent:
        agent.setblocking(False)
        address = f"http://127.0.0.1:{agent.getsockname()[1]}"
        assert run("demo", "--backend", "ddtrace", DD_TRACE_AGENT_URL=address).returncode == 0
        with pytest.raises(BlockingIOError):
            agent.accept()


def test_any_other_backend_runs_beside_the_recorder(outputs):
    done = run("demo", "--backend", "streaminstr.testing.RecordingBackend")
    assert rows_of(done.stdout) == rows_of(outputs["log"].stdout)


def test_an_unknown_backend_is_refused_with_the_names_that_exist():
    done = run("demo", "--backend", "nope")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No backend is called 'nope'. Installed are: ddtrace, log, opentelemetry" in done.stderr


def test_keep_leaves_the_site_up_until_ctrl_c():
    with subprocess.Popen(  # noqa: S603 - our own command
        command_line("demo", "--keep"), env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        page = next(line for line in process.stdout if "has links" in line).split()[1]
        address = next(line for line in process.stdout if "/export/" in line and "http" in line)
        next(line for line in process.stdout if line.startswith("Ctrl-C"))
        with urllib.request.urlopen(address.strip(), timeout=TIMEOUT) as answer:  # noqa: S310 - http, on loopback
            body = answer.read()
        with urllib.request.urlopen(page, timeout=TIMEOUT) as answer:  # noqa: S310 - the same
            links = re.findall(rb'href="(/[a-z]+/)"', answer.read())
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert (process.returncode, body.count(b"order")) == (0, 5)
    assert "stream_closed  request_id=by-hand" in rest
    assert links == [f"/{name}/".encode() for name in STREAMS]
