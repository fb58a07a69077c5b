"""`streaminstr demo`: real requests to a real Django site, and what its scopes saw of them."""

from __future__ import annotations

import threading
import warnings
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from streaminstr import StreaminstrError, _registry
from streaminstr.command.table import print_table, say

if TYPE_CHECKING:
    from streaminstr.demo.picture import Trace
    from streaminstr.demo.spans import Recorder

NEEDED = ("django", "uvicorn")


def demo(backend: str, *, keep: bool = False) -> int:
    """Run the demo; return 0, or 1 if a stream did not end as it should.

    Raises StreaminstrError where something is not installed, or `backend` does not exist.
    """
    require(NEEDED, "The demo", "streaminstr[demo]")
    recorder = recorder_for(backend)
    set_up(recorder)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", "StreamingHttpResponse must consume", Warning)
        code = print_traces(visited(recorder), backend)
        if keep:
            stay_up()
    return code


def require(modules: tuple[str, ...], who: str, *packages: str) -> None:
    """Raise StreaminstrError with the command that installs what is missing."""
    missing = [module for module in modules if not _is_there(module)]
    if missing:
        from streaminstr._install import install_line  # noqa: PLC0415 - metadata is slow

        msg = f"{who} needs {' and '.join(missing)}. Install it: {install_line(*packages)}"
        raise StreaminstrError(msg)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False


def recorder_for(backend: str) -> Recorder:
    """The recorder of a vendor whose SDK records in memory; for all others a backend of ours."""
    if backend == "opentelemetry":
        require(
            ("opentelemetry.sdk",),
            "This demo",
            "streaminstr[opentelemetry,demo]",
            "opentelemetry-sdk",
        )
        from streaminstr.demo.from_opentelemetry import OpenTelemetryRecorder  # noqa: PLC0415

        return OpenTelemetryRecorder()
    if backend == "ddtrace":
        require(("ddtrace",), "This demo", "streaminstr[ddtrace,demo]")
        from streaminstr.demo.from_ddtrace import DatadogRecorder  # noqa: PLC0415

        return DatadogRecorder()
    from streaminstr.demo.spans import MemoryRecorder  # noqa: PLC0415

    _registry.resolve(backend, {})
    return MemoryRecorder(beside=backend)


def set_up(recorder: Recorder) -> None:
    """Configure Django for the demo's site."""
    from streaminstr.demo.site import site_settings  # noqa: PLC0415 - needs Django

    set_up_with(site_settings(recorder))


def set_up_with(values: dict[str, Any]) -> None:
    """Configure Django with these settings."""
    import django  # noqa: PLC0415 - an extra
    from django.conf import settings  # noqa: PLC0415

    settings.configure(**values)
    django.setup()


def visited(recorder: Recorder) -> list[Trace]:
    """Send all requests to both servers; return what was recorded once everything has ended.

    They are sent twice: without the library and with it.
    """
    from streaminstr.demo.lines import Line, lines_go_to  # noqa: PLC0415 - needs Django
    from streaminstr.demo.picture import traces  # noqa: PLC0415
    from streaminstr.demo.servers import asgi_server, wsgi_server  # noqa: PLC0415
    from streaminstr.demo.visits import visits  # noqa: PLC0415
    from streaminstr.demo.without import seen_without  # noqa: PLC0415

    without, earlier = seen_without(recorder), len(recorder.spans())
    lines: list[Line] = []
    with lines_go_to(lines.append), wsgi_server() as wsgi_port, asgi_server() as asgi_port:
        planned = [*visits("WSGI", wsgi_port), *visits("ASGI", asgi_port)]
        for visit in planned:
            visit.send(visit)
    return traces(planned, recorder.spans()[earlier:], lines, without)


def print_traces(traces: list[Trace], backend: str) -> int:
    """Print the traces; return the exit code."""
    from streaminstr.demo.picture import COLUMNS, LEGEND  # noqa: PLC0415 - needs Django

    for trace in traces:
        for line in trace.waterfall():
            say(line)
        say()
    print_table(COLUMNS, [trace.row() for trace in traces])
    say(LEGEND)
    wrong = [trace for trace in traces if trace.outcome != trace.visit.expected]
    for trace in wrong:
        say(f"{trace.visit.request_id} is {trace.outcome}, and not {trace.visit.expected}.")
    if not wrong:
        say(
            f"\n{len(traces)} requests, each stream closed once, as the backend {backend!r} has it."
        )
    return int(bool(wrong))


def stay_up() -> None:
    """Serve the site until Ctrl-C, and print the log as it comes."""
    from streaminstr.demo.lines import lines_go_to  # noqa: PLC0415 - needs Django
    from streaminstr.demo.servers import HOST, asgi_server, wsgi_server  # noqa: PLC0415
    from streaminstr.demo.visits import visits  # noqa: PLC0415

    with lines_go_to(say), wsgi_server() as wsgi_port, asgi_server() as asgi_port:
        for server, port in (("WSGI", wsgi_port), ("ASGI", asgi_port)):
            say(f"\n{server}: http://{HOST}:{port}/ has links to all of these")
            for address in dict.fromkeys(visit.path for visit in visits(server, port)):
                say(f"  http://{HOST}:{port}{address}")
        say("\nCtrl-C ends the site.")
        wait_for_ctrl_c()


def wait_for_ctrl_c() -> None:
    """Return at Ctrl-C."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        say()
