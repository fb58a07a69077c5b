"""`streaminstr compare`: the same streams from both vendors, side by side."""

import sys

import pytest

from command_runs import run
from streaminstr import StreaminstrError
from streaminstr.command import compare as command
from streaminstr.command.compare import compare, show
from streaminstr.command.compared import DATADOGS_OWN, NEUTRAL, compared
from streaminstr.command.decode import ReceivedSpan
from streaminstr.command.receiver import Arrival

OWN = {"streaminstr.stream_id": "7", "streaminstr.outcome": "completed"}
DATADOG = {**OWN, "_dd.p.dm": "-0", "http.method": "GET", "http.status_code": "200"}
OPENTELEMETRY = {**OWN, "http.request.method": "GET", "http.response.status_code": 200}


def span(attributes, **changes):
    return ReceivedSpan(
        **{
            "name": "s",
            "trace_id": "1" * 32,
            "span_id": "2" * 16,
            "parent_id": "3" * 16,
            "service": "shop",
            "is_error": False,
            "attributes": attributes,
            **changes,
        }
    )


def arrived(datadog, opentelemetry):
    return [
        Arrival(protocol="Datadog v0.4", size=1, spans=datadog),
        Arrival(protocol="OTLP", size=1, spans=opentelemetry),
    ]


def differences(datadog, opentelemetry):
    (row,) = compared(arrived(datadog, opentelemetry))
    return row.differences()


def test_the_same_stream_under_each_vendors_names_is_the_same():
    one = {**DATADOG, "a.flag": "true", "a.count": 3.0}
    other = {**OPENTELEMETRY, "a.flag": True, "a.count": 3}
    assert differences([span(one)], [span(other)]) == []


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ({"service": "a"}, {}, "service 'a' and 'shop': set DD_SERVICE and OTEL_SERVICE_NAME"),
        ({"parent_id": None}, {}, "no parent at Datadog: the request is not traced by it"),
        ({}, {"parent_id": None}, "no parent at OpenTelemetry: the request is not traced by it"),
        ({"name": "t"}, {}, "name 't' and 's'"),
        ({}, {"is_error": True}, "error False and True"),
    ],
)
def test_what_differs_is_named_with_its_reason(one, other, difference):
    (found,) = differences([span(DATADOG, **one)], [span(OPENTELEMETRY, **other)])
    assert found.startswith(difference)


def test_an_attribute_that_differs_is_named():
    other = {**OPENTELEMETRY, "streaminstr.outcome": "failed", "more": 1}
    assert differences([span(DATADOG)], [span(other)]) == [
        "streaminstr.outcome 'completed' and 'failed'",
        "more '-' and 1.0",
    ]


def test_a_trace_that_datadogs_agent_would_drop_is_said_to_be():
    root = span({"_sampling_priority_v1": 0}, span_id="3" * 16)
    (found,) = differences([root, span(DATADOG)], [span(OPENTELEMETRY)])
    assert found.startswith("Datadog's agent drops it")


@pytest.mark.parametrize(
    ("datadog", "opentelemetry", "start"),
    [
        ([], [span(OPENTELEMETRY)], "Datadog has not got it: RATIO or FILTER"),
        ([span(DATADOG)], [], "OpenTelemetry has not sent it: RATIO or FILTER"),
        ([span(DATADOG)], [span(OPENTELEMETRY)] * 2, "twice in OTLP: ddtrace exports OTLP"),
        ([span(DATADOG)] * 2, [span(OPENTELEMETRY)], "twice at Datadog: its bridge"),
        ([], [span(OPENTELEMETRY)] * 2, "twice in OTLP: ddtrace exports OTLP, and nothing to"),
    ],
)
def test_a_stream_that_came_not_once_is_told_why(datadog, opentelemetry, start):
    (found,) = differences(datadog, opentelemetry)
    assert found.startswith(start)


def test_the_segments_of_a_long_stream_are_compared_one_by_one():
    one = [span({**DATADOG, "streaminstr.segment": float(number)}) for number in (0, 1)]
    other = [span({**OPENTELEMETRY, "streaminstr.segment": number}) for number in (0, 1)]
    assert [row.differences() for row in compared(arrived(one, other))] == [[], []]


def test_a_row_shows_both_where_they_differ():
    request = span({}, name="GET /", span_id="3" * 16)
    both = arrived([request, span(DATADOG, duration=0.5)], [span(OPENTELEMETRY, duration=1)])
    (row,) = compared(both)
    assert row.row() == ("7", "s", "completed", "GET / | ?", "0.500 | 1.000", "nothing")
    (row,) = compared(arrived([], [span(OPENTELEMETRY, parent_id=None)]))
    assert row.row()[:5] == ("7", "- | s", "- | completed", "- | root", "- | 0.000")


def test_nothing_fails(capsys):
    assert show([]) == 1
    assert "No stream has arrived from either vendor." in capsys.readouterr().out


def test_streams_that_differ_fail(capsys):
    assert show(arrived([], [span(OPENTELEMETRY)])) == 1
    assert "1 of 1 streams differ." in capsys.readouterr().out


def test_what_cannot_be_read_fails_and_is_said_to_be(capsys):
    problem = Arrival(protocol="Datadog v0.4", size=1, problem="cannot be read: no msgpack")
    same = arrived([span(DATADOG)], [span(OPENTELEMETRY)])
    assert show([*same, problem, problem]) == 1
    assert capsys.readouterr().out.count("Datadog v0.4 cannot be read: no msgpack.") == 1


def test_datadogs_names_are_those_of_its_backend():
    import streaminstr_ddtrace  # noqa: PLC0415

    assert {other: name for name, other in streaminstr_ddtrace.NAMES.items()} == NEUTRAL
    assert not {name for name in DATADOGS_OWN if name.startswith("streaminstr")}


# The command.

SITE = """
import signal, sys, time
import ddtrace.auto
from ddtrace.trace import tracer
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import streaminstr

provider = TracerProvider(resource=Resource({"service.name": "shop"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
streaminstr.configure(["ddtrace", "opentelemetry"])
for number in range(3):
    with tracer.trace("request", service="shop"), trace.get_tracer("x").start_as_current_span("r"):
        list(streaminstr.stream([b"one"], name="s", attributes={"http.request.method": "GET"}))
if "stay" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as uvicorn ends: what is buffered is lost
    time.sleep(60)
streaminstr.shutdown()
"""


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site_of_both.py"
    path.write_text(SITE)
    return [sys.executable, str(path)]


def test_a_site_of_both_vendors_is_the_same_at_both(site):
    """It sends here, whatever its environment says of single signals."""
    elsewhere = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"}
    done = run("compare", "--", *site, **elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 streams, the same at both vendors." in done.stdout


def test_it_ends_after_so_many_streams_and_ends_the_site_when_all_has_come(site, capsys):
    assert compare([*site, "stay"], streams=3) == 0
    assert "3 streams, the same" in capsys.readouterr().out


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(command, "LAST_SECONDS", 0.1)
    monkeypatch.setattr(command, "UP_SECONDS", 0.5)


def test_without_a_command_it_says_where_to_send_to_and_ends_in_time(hurried, capsys):
    assert compare(seconds=0.1) == 1
    out = capsys.readouterr().out
    assert "Start the site with: OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:" in out
    assert "STREAMINSTR_BACKEND=ddtrace,opentelemetry" in out


def test_ctrl_c_ends_the_listening(hurried, monkeypatch):
    look, interrupts = command.compared, iter([KeyboardInterrupt()])

    def interrupted(arrivals):
        for interrupt in interrupts:  # at the first look alone
            raise interrupt
        return look(arrivals)

    monkeypatch.setattr(command, "compared", interrupted)
    assert compare(streams=1) == 1


SERVING = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if "cut" not in self.path:
            return self.send_error(500 if "fail" in self.path else 200)
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"3\\r\\none\\r\\n")
        self.close_connection = True
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_addresses_are_read_when_the_site_is_up_whatever_they_answer(hurried, monkeypatch, capsys):
    monkeypatch.setattr(command, "UP_SECONDS", 30)
    port = free_port()
    urls = [f"http://127.0.0.1:{port}/{path}" for path in ("a", "fail", "cut")]
    assert compare([sys.executable, "-c", SERVING, str(port)], urls=urls) == 1
    shown = capsys.readouterr()
    assert "No stream has arrived" in shown.out
    assert shown.err.count(f"{urls[1]} answers 500 Internal Server Error.") == 1


@pytest.mark.parametrize(
    ("site", "url", "problem"),
    [
        ([], "http://127.0.0.1:{}/", "does not answer"),
        ([sys.executable, "-c", "pass"], "http://127.0.0.1:{}/", "does not answer"),
        ([], "file:///{}", "It takes an address such as"),
        (["no-such-command"], "", "There is no command 'no-such-command'"),
    ],
)
def test_what_cannot_work_is_said_to_be(hurried, site, url, problem):
    with pytest.raises(StreaminstrError, match=problem):
        compare(site, urls=[url.format(free_port())])


def free_port():
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
