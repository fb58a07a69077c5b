"""A receiver of telemetry for one process on this host: it keeps what arrives, and sends nothing.

It speaks OTLP over HTTP, and to ddtrace as Datadog's agent does.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, Self

from streaminstr._install import install_line
from streaminstr.command.decode import (
    DATADOG,
    SIGNALS,
    ReceivedPoint,
    ReceivedSpan,
    otlp,
    points_of_otlp,
    spans_of_datadog,
    spans_of_otlp,
    unpacked,
)
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOOPBACK = "127.0.0.1"
GRPC = "HTTP/2 arrived, which is OTLP over gRPC: set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"


@dataclass(slots=True, kw_only=True)
class Arrival:
    """One request."""

    protocol: str
    size: int
    spans: list[ReceivedSpan] = field(default_factory=list)
    points: list[ReceivedPoint] = field(default_factory=list)
    problem: str = ""
    """Why it could not be read."""


class Receiver:
    """Listens on `host` and `port` (0: one that is free) inside a `with` block."""

    def __init__(self, host: str = LOOPBACK, port: int = 0) -> None:
        handler = type("Handler", (_Handler,), {"receiver": self})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            msg = f"Cannot listen on {host}:{port}: {error}. Name another with --receiver."
            raise StreaminstrError(msg) from error
        self._changed = Condition()
        self._arrivals: list[Arrival] = []

    @property
    def url(self) -> str:
        """Where to send to."""
        return "http://{}:{}".format(*self._server.server_address[:2])

    @property
    def environment(self) -> dict[str, str]:
        """The vendors' own variables that make them send to it."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "DD_TRACE_AGENT_URL": self.url,
        }

    def listen(self) -> Self:
        """Begin to listen, in a thread that ends with the process."""
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __enter__(self) -> Self:
        return self.listen()

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, arrival: Arrival) -> None:
        """Keep what has arrived."""
        with self._changed:
            self._arrivals.append(arrival)
            self._changed.notify_all()

    def arrivals(self) -> list[Arrival]:
        """What has arrived so far."""
        with self._changed:
            return list(self._arrivals)

    def wait_for(self, seen: Callable[[list[Arrival]], object], seconds: float) -> bool:
        """Wait until `seen` is true of the arrivals, at most so long; returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(seen(self._arrivals)), seconds)


class _Handler(BaseHTTPRequestHandler):
    """Answers like a collector and like an agent, with empty responses."""

    receiver: Receiver
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """`/info`: which forms of traces the agent takes."""
        self._answer({"endpoints": list(DATADOG)})

    def do_POST(self) -> None:
        headers = dict(self.headers.items())
        arrival = _read(self.path, unpacked(self._body(), headers), headers)
        if arrival is not None:
            self.receiver.add(arrival)
        self._answer({"rate_by_service": {}} if self.path in DATADOG else {})

    do_PUT = do_POST  # noqa: N815 - the name that http.server looks for

    def parse_request(self) -> bool:
        """As it is, but for HTTP/2's first line, which would be refused without a word."""
        line: bytes = self.raw_requestline  # type: ignore[attr-defined] # which typeshed leaves out
        if not line.startswith(b"PRI * HTTP/2"):
            return super().parse_request()
        self.receiver.add(Arrival(protocol="OTLP", size=0, problem=GRPC))
        self.close_connection = True
        return False

    def log_message(self, *_: Any) -> None:
        """Write no line for each request."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, fields: dict[str, Any]) -> None:
        content, kind = json.dumps(fields).encode(), "application/json"
        if self.path in SIGNALS and self.headers.get_content_type() != kind:
            content, kind = b"", "application/x-protobuf"  # an empty message
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def of_this_process(text: str) -> Receiver:
    """Listen on PORT or HOST:PORT until the process ends, and make the vendors send there.

    Call it before they are imported. Existing environment variables are kept. The receiver is not
    closed, because exporters send what they have buffered when the process ends.
    """
    receiver = Receiver(*address(text)).listen()
    os.environ.update({**receiver.environment, **os.environ})
    return receiver


def address(text: str) -> tuple[str, int]:
    """Host and port of `PORT` or `HOST:PORT`; raises StreaminstrError."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) >= 1 << 16:
        msg = f"--receiver is {text!r}. It takes PORT or HOST:PORT, such as 4318."
        raise StreaminstrError(msg)
    return host or LOOPBACK, int(port)


def _read(path: str, body: bytes, headers: Mapping[str, str]) -> Arrival | None:
    """What has arrived; None for what is neither spans nor metrics of any kind."""
    if path not in SIGNALS and path not in DATADOG:
        return None
    arrival = Arrival(
        protocol=f"Datadog {path[1:5]}" if path in DATADOG else "OTLP", size=len(body)
    )
    try:
        if path in DATADOG:
            arrival.spans += spans_of_datadog(path, body)
        else:
            request = otlp(path, body, headers.get("Content-Type") or "")
            arrival.spans += spans_of_otlp(request)
            arrival.points += points_of_otlp(request)
    except ImportError as error:
        what = "msgpack" if path in DATADOG else "opentelemetry-proto"
        arrival.problem = f"cannot be read ({error}). Install it: {install_line(what)}"
    except Exception as error:  # noqa: BLE001 - whatever a decoder raises: it is shown
        arrival.problem = f"cannot be read: {type(error).__name__}: {error}"
    return arrival
