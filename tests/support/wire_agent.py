"""Datadog's own test agent, which takes OTLP too: started, spoken to, read back from."""

import base64
import json
import os
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager

from wire_nodes import of_datadog, of_opentelemetry

CHECKS = "trace_count_header,meta_tracer_version_header,trace_content_length"
CHECKS += ",meta_events_is_valid_json"


class Agent:
    """Three loopback ports: Datadog's protocol, OTLP over HTTP, OTLP over gRPC."""

    def __init__(self, ports):
        self.port, self.http_port, self.grpc_port = ports

    def environment(self, vendor, session):
        """Where a traced process is to send to, under the vendor's own names."""
        if vendor == "ddtrace":
            return {
                "DD_TRACE_AGENT_URL": f"http://127.0.0.1:{self.port}",
                "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": f"X-Datadog-Test-Session-Token:{session}",
                "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
                "DD_REMOTE_CONFIGURATION_ENABLED": "false",
                # Where the story asks for it (DD_METRICS_OTEL_ENABLED).
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"http://127.0.0.1:{self.grpc_port}",
                "OTEL_EXPORTER_OTLP_METRICS_HEADERS": f"x-datadog-test-session-token={session}",
            }
        port = self.grpc_port if vendor == "grpc" else self.http_port
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_EXPORTER_OTLP_INSECURE": "true",
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-datadog-test-session-token={session}",
        }

    def nodes(self, vendor, session):
        """What has arrived so far."""
        if vendor == "ddtrace":
            traces = self.get(self.port, "session/traces", session)
            return [of_datadog(unpacked(span)) for trace in traces for span in trace]
        payloads = self.get(self.http_port, "session/traces", session)
        return [
            node_of_otlp(span)
            for payload in payloads
            for resource in payload["resource_spans"]
            for scope in resource["scope_spans"]
            for span in scope["spans"]
        ]

    def metric_names(self, session):
        return {metric["name"] for metric in self.metrics(session)}

    def metrics(self, session):
        """All metrics of all exports, in the form of OTLP's JSON."""
        return [
            metric
            for payload in self.get(self.http_port, "session/metrics", session)
            for resource in payload["resource_metrics"]
            for scope in resource["scope_metrics"]
            for metric in scope["metrics"]
        ]

    def checks(self, session):
        """How often each of the agent's own checks of the protocol passed and failed."""
        return self.get(self.port, "trace_check/summary", session)

    def begin(self, vendor, session):
        """Know the session from now on, though nothing has arrived."""
        port = self.port if vendor == "ddtrace" else self.http_port
        self.open(port, "session/start", session).close()

    def get(self, port, path, session):
        with self.open(port, path, session) as answer:
            return json.load(answer)

    def open(self, port, path, session):
        url = f"http://127.0.0.1:{port}/test/{path}?test_session_token={session}"
        return urllib.request.urlopen(url, timeout=10)

    def is_up(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/info", timeout=5):
                return True
        except OSError:
            return False


@contextmanager
def running(executable, directory):
    agent = Agent(free_ports(3))
    options = {
        "--host": "127.0.0.1",
        "--port": agent.port,
        "--otlp-http-port": agent.http_port,
        "--otlp-grpc-port": agent.grpc_port,
        "--snapshot-dir": directory,
    }
    command = [executable, *(str(word) for pair in options.items() for word in pair)]
    # It reads DD_TRACE_AGENT_URL as its own upstream.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DD_")}
    with (
        (directory / "log").open("w") as log,
        subprocess.Popen(  # noqa: S603 - what the session has installed
            [*command, "--disable-llmobs-data-forwarding"],
            env={**clean, "ENABLED_CHECKS": CHECKS},
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            until(lambda: agent.is_up() or process.poll() is not None)
            assert process.poll() is None, (directory / "log").read_text()
            yield agent
        finally:
            process.terminate()


def until(seen, *, seconds=30):
    """What `seen` gives, as soon as it gives something true."""
    deadline = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < deadline, "not seen in time"
        time.sleep(0.05)
    return found


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def unpacked(span):
    """The links of a span are text among its tags in the older protocols."""
    links = json.loads(span["meta"].pop("_dd.span_links", "[]"))
    span["span_links"] = [{"span_id": int(link["span_id"], 16)} for link in links]
    return span


def node_of_otlp(span):
    parent = span.get("parent_span_id")
    form = {
        "name": span["name"],
        "trace_id": decoded(span["trace_id"]),
        "span_id": decoded(span["span_id"]),
        "parent_id": decoded(parent) if parent else None,
        "links": [decoded(link["span_id"]) for link in span.get("links", [])],
        "is_error": span["status"].get("code") == "STATUS_CODE_ERROR",
        "exceptions": sum(event["name"] == "exception" for event in span.get("events", [])),
        "start_ns": int(span["start_time_unix_nano"]),
        "end_ns": int(span["end_time_unix_nano"]),
    }
    pairs = span.get("attributes", [])
    return of_opentelemetry(form, {pair["key"]: value_of(pair["value"]) for pair in pairs})


def decoded(identifier):
    return int.from_bytes(base64.b64decode(identifier), "big")


def value_of(value):
    ((kind, content),) = value.items()
    return int(content) if kind == "int_value" else content
