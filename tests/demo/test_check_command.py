"""`streaminstr backends --check`: what is known of one stream, and no more than that."""

import json
import logging
import os
import re
import socket
import urllib.request

import pytest

from command_runs import Broken, run
from streaminstr import StreaminstrError, _registry
from streaminstr._install import install_line
from streaminstr.command import check, untraced
from streaminstr.command.check import try_out
from streaminstr.command.receiver import Receiver, address, of_this_process

FLUSHED = "flush: returned, which says nothing of its delivery"


def notes(capsys):
    return [line[2:] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]


def test_what_is_known_is_told_and_no_more(capsys):
    assert try_out((Broken(),)) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[2:7] == [
        "  open: ok",
        "  start: ok",
        "  ids: trace_id=7",
        "  close (completed, 3 chunks, 13 bytes): ok",
        f"  {FLUSHED}",
    ]
    assert "Whether it arrived is not known here." in out


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("open", ["open: raised", FLUSHED]),
        ("start", ["open: ok", "start: raised", FLUSHED]),
        ("close", ["open: ok", "start: ok", "ids: ", "close (completed", FLUSHED]),
        ("flush", ["open: ok", "start: ok", "ids: ", "close (completed", "flush: raised"]),
    ],
)
def test_it_fails_where_a_method_raises(capsys, where, expected):
    assert try_out((Broken(where),)) == 1
    pairs = zip(notes(capsys), expected, strict=True)
    assert [note for line, note in pairs if line.startswith(note)] == expected


def test_a_backend_that_does_not_buffer_is_not_flushed(capsys):
    assert try_out(_registry.resolve("log", {})) == 0
    out = capsys.readouterr().out
    assert "flush" not in out
    assert "ids: none, as this backend has no spans" in out
    assert "Whether it arrived" not in out


def test_nothing_is_checked_where_everything_is_off(capsys):
    assert try_out(()) == 0
    assert "turns everything off" in capsys.readouterr().out


class Misspelt(Broken):
    flush = None

    def flsuh(self, timeout):
        pass

    def progess(self, report):
        pass


class WithoutClose(Broken):
    close = None

    def on_close(self, report):
        pass


def test_a_method_that_is_misspelt_is_named(capsys):
    assert try_out((Misspelt(),)) == 0
    shown = notes(capsys)
    assert "Misspelt has flsuh() and no flush(), so it is never called. Is flush() meant?" in shown
    assert any(note.startswith("Misspelt has progess() and no progress()") for note in shown)


def test_a_scope_without_close_is_named(capsys):
    assert try_out((WithoutClose(),)) == 1
    assert "open: returned WithoutClose, which has no close(), but on_close()" in notes(capsys)


def test_a_start_without_fields_is_named_and_the_scope_still_closed(capsys):
    class Fieldless(Broken):
        def start(self):
            return None

    assert try_out((Fieldless(),)) == 1
    shown = notes(capsys)
    assert "start: returned None, which is no mapping of log fields" in shown
    assert "close (completed, 3 chunks, 13 bytes): ok" in shown


def test_what_the_vendor_logs_is_shown_once_and_fails(capsys):
    class Dead(Broken):
        def flush(self, timeout):
            for number in range(3):
                logging.getLogger("opentelemetry.sdk").error("Failed to send, try %s", number)

    assert try_out((Dead(),)) == 1
    assert capsys.readouterr().out.count("The vendor says: Failed to send, try 0") == 1


# Why there are no ids.


def test_without_an_sdk_it_says_so_and_exits_1():
    done = run("backends", "--check", "--backend", "opentelemetry")
    assert done.returncode == 1
    assert "ids: none: OpenTelemetry's SDK is not set up in this process: start" in done.stdout


@pytest.mark.parametrize(
    ("backend", "change", "reason"),
    [
        ("opentelemetry", {"OTEL_SDK_DISABLED": "true"}, "ids: none: OTEL_SDK_DISABLED is true"),
        ("ddtrace", {"DD_TRACE_ENABLED": "false"}, ": ddtrace is turned off (DD_TRACE_ENABLED)"),
    ],
)
def test_a_vendor_that_is_turned_off_is_why(backend, change, reason):
    quiet = {"DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"}
    done = run("backends", "--check", "--backend", backend, **quiet, **change)
    assert done.returncode == 1
    assert reason in done.stdout


def test_an_sdk_that_is_not_installed_is_why(monkeypatch):
    from streaminstr_opentelemetry import OpenTelemetryBackend  # noqa: PLC0415

    monkeypatch.setattr(untraced, "find_spec", lambda name: None)
    assert install_line("opentelemetry-distro") in untraced.why_untraced(
        OpenTelemetryBackend(), has_ids=False
    )


def test_a_provider_that_makes_no_ids_is_named(monkeypatch):
    from opentelemetry import trace  # noqa: PLC0415

    from streaminstr_opentelemetry import OpenTelemetryBackend  # noqa: PLC0415

    backend = OpenTelemetryBackend()
    monkeypatch.setattr(trace, "get_tracer_provider", object)
    assert "provider, builtins.object, makes" in untraced.why_untraced(backend, has_ids=False)


def test_metrics_alone_are_enough_for_opentelemetry(monkeypatch):
    from opentelemetry import metrics  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415

    from streaminstr_opentelemetry import OpenTelemetryBackend  # noqa: PLC0415

    provider = MeterProvider(shutdown_on_exit=False)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: provider)
    assert untraced.why_untraced(OpenTelemetryBackend(), has_ids=False) is None


def test_what_is_sampled_out_is_said_to_be(capsys):
    class Unsampled(Broken):
        def start(self):
            return {"trace_id": "7", "trace_flags": "00"}

    assert try_out((Unsampled(),)) == 0
    assert "not sampled: OpenTelemetry's sampler has left it out" in capsys.readouterr().out


# The receiver.


def test_what_ddtrace_sends_is_shown(unused_port):
    """In v0.5, which is msgpack. Its own agent's address is not asked for."""
    done = run(
        *("backends", "--check", "--backend", "ddtrace", "--receiver", str(unused_port)),
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_REMOTE_CONFIGURATION_ENABLED="false",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Received on http://127.0.0.1:{unused_port}:" in done.stdout
    assert "Datadog v0.5" in done.stdout
    assert "span 'streaminstr.check'" in done.stdout
    noted = re.search(r"ids: (dd\.trace_id=\S+ dd\.span_id=\S+)", done.stdout)[1]
    assert done.stdout.count(noted) == 2  # what has arrived has the ids in the same form


SETUP = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource({"service.name": "shop"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
STREAMINSTR = {"BACKEND": "opentelemetry"}
"""


def test_what_opentelemetry_sends_is_shown(tmp_path, unused_port):
    (tmp_path / "shop_settings.py").write_text(SETUP)
    arguments = ("backends", "--receiver", f"127.0.0.1:{unused_port}")
    done = run(*arguments, cwd=tmp_path, DJANGO_SETTINGS_MODULE="shop_settings")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "span 'streaminstr.check' of service 'shop', trace_id=" in done.stdout


def test_what_does_not_arrive_fails_with_what_to_set(monkeypatch, capsys):
    monkeypatch.setattr(check, "SECONDS", 0.05)
    with Receiver() as receiver:
        assert try_out((Broken(),), receiver) == 1
    out = capsys.readouterr().out
    assert f"Received on {receiver.url}: nothing" in out
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT={receiver.url}" in out


@pytest.fixture
def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


def post(receiver, path, body, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(receiver.url + path, body, named)  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return answer.read()


SPAN = {
    "name": "s",
    "traceId": "ab" * 16,
    "spanId": "cd" * 8,
    "status": {"code": 2},
    "attributes": [
        {"key": "streaminstr.chunks", "value": {"intValue": "3"}},
        {"key": "empty", "value": {}},
    ],
}


def test_otlp_in_json_is_read(receiver):
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}
    sent = json.dumps(request).encode()
    assert post(receiver, "/v1/traces", sent, Content_Type="application/json") == b"{}"
    (arrival,) = receiver.arrivals()
    (span,) = arrival.spans
    assert (span.name, span.trace_id, span.span_id, span.parent_id) == (
        "s",
        "ab" * 16,
        "cd" * 8,
        None,
    )
    assert (span.is_error, span.attributes) == (True, {"streaminstr.chunks": 3, "empty": None})


def test_chunks_and_gzip_are_read(receiver):
    import gzip  # noqa: PLC0415

    body = gzip.compress(json.dumps({"resourceSpans": []}).encode())
    pieces = iter([body[:5], body[5:]])  # urllib sends an iterator in chunks
    post(receiver, "/v1/traces", pieces, Content_Type="application/json", Content_Encoding="gzip")
    assert [arrival.problem for arrival in receiver.arrivals()] == [""]


@pytest.mark.parametrize(
    ("path", "body", "problem"),
    [
        ("/v1/traces", b"\xff", "cannot be read: DecodeError"),
        ("/v0.4/traces", b"", "cannot be read: ValueError"),
    ],
)
def test_what_cannot_be_read_is_shown_as_such(receiver, path, body, problem, capsys):
    post(receiver, path, body, Content_Type="application/x-protobuf")
    assert receiver.arrivals()[0].problem.startswith(problem)
    check._show(receiver)
    assert problem in capsys.readouterr().out


def test_a_decoder_that_is_not_installed_is_named(receiver, monkeypatch):
    from streaminstr.command import decode  # noqa: PLC0415

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(decode, "import_module", missing)
    for path in ("/v0.5/traces", "/v1/traces"):
        post(receiver, path, b"1", Content_Type="application/x-protobuf")
    assert [arrival.problem.partition("Install it: ")[2] for arrival in receiver.arrivals()] == [
        install_line("msgpack"),
        install_line("opentelemetry-proto"),
    ]


def test_what_is_no_telemetry_of_streams_is_answered_and_not_kept(receiver, capsys, monkeypatch):
    monkeypatch.setattr(check, "SECONDS", 0.01)
    post(receiver, "/telemetry/proxy/api/v2/apmtelemetry", b"{}")
    post(receiver, "/v1/logs", b"{}", Content_Type="application/json")
    with urllib.request.urlopen(f"{receiver.url}/info", timeout=10) as answer:  # noqa: S310
        assert json.load(answer) == {"endpoints": ["/v0.4/traces", "/v0.5/traces"]}
    assert len(receiver.arrivals()) == 1
    check._show(receiver)
    assert "OTLP, 2 bytes: neither spans nor metrics" in capsys.readouterr().out


def test_grpc_is_told_from_http(receiver):
    host, port = address(receiver.url.removeprefix("http://"))
    with socket.create_connection((host, port), timeout=10) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert client.recv(100) == b""
    (arrival,) = receiver.arrivals()
    assert "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in arrival.problem


def test_metrics_and_spans_of_others_are_shown(receiver, capsys, monkeypatch):
    monkeypatch.setattr(check, "SECONDS", 0.01)
    point = {"asInt": "2", "attributes": []}
    counted = {"count": "3", "sum": 4.5, "startTimeUnixNano": "7"}
    metrics = [
        {"name": "open", "sum": {"aggregationTemporality": 1, "dataPoints": [point]}},
        {"name": "took", "histogram": {"aggregationTemporality": 2, "dataPoints": [counted]}},
    ]
    request = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
    post(receiver, "/v1/metrics", json.dumps(request).encode(), Content_Type="application/json")
    spans = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}
    post(receiver, "/v1/traces", json.dumps(spans).encode(), Content_Type="application/json")
    check._show(receiver)
    out = capsys.readouterr().out
    assert "metrics open, took" in out
    assert "span 's' of service '', not ours" in out
    first, second = receiver.arrivals()[0].points
    assert (first.value, first.is_delta, first.count) == (2, True, None)
    assert (second.value, second.is_delta, second.count, second.start) == (4.5, False, 3, 7)


def test_spans_in_datadogs_older_form_are_read(receiver):
    import msgpack  # noqa: PLC0415

    span = {
        "resource": "s",
        "service": None,
        "trace_id": 10,
        "span_id": 11,
        "parent_id": 12,
        "error": 0,
        "meta": {"_dd.p.tid": "6b07000000000000", "a": "b"},
        "metrics": {"c": 1.0},
    }
    post(receiver, "/v0.4/traces", msgpack.packb([[span]]))
    (arrival,) = receiver.arrivals()
    (found,) = arrival.spans
    assert found.trace_id == "6b07000000000000000000000000000a"
    assert (found.span_id, found.parent_id) == ("000000000000000b", "000000000000000c")
    assert found.attributes["a"] == "b"
    assert found.attributes["c"] == 1.0


@pytest.mark.parametrize("text", ["", "host:", "host:port", "70000", "-1"])
def test_an_address_that_is_none_is_refused(text):
    with pytest.raises(StreaminstrError, match="It takes PORT or HOST:PORT"):
        address(text)


def test_a_port_that_is_taken_is_said_to_be():
    with Receiver() as receiver:
        _, port = address(receiver.url.removeprefix("http://"))
        with pytest.raises(StreaminstrError, match="Name another with --receiver"):
            Receiver(port=port)


def test_what_the_environment_says_stands(monkeypatch, unused_port):
    monkeypatch.setattr(os, "environ", {"DD_TRACE_AGENT_URL": "http://elsewhere"})
    receiver = of_this_process(str(unused_port))
    assert os.environ["DD_TRACE_AGENT_URL"] == "http://elsewhere"
    assert os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] == receiver.url
    receiver.__exit__()
