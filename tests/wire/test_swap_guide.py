"""The guide of the swap, followed word by word: its site, its variables, its commands.

Each command is taken from docs/how-to/swap-datadog-for-opentelemetry.md as it stands there. Only
the port is another: gunicorn and uvicorn take it from the environment, too.
"""

import ast
import os
import re
import subprocess
import sys
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

import documents
from server_process import Client
from wire_agent import free_ports, until

pytestmark = pytest.mark.slow
"""A dozen starts of a site: `.ci/full` has them."""
PAGE = (documents.ROOT / "docs/how-to/swap-datadog-for-opentelemetry.md").read_text()
ON_SERVERS = PAGE.partition("\n## On your servers\n")[2]
COMMANDS = [
    command.replace("\\\n", "")
    for block in re.findall(r"^```console\n(.*?)^```", ON_SERVERS, re.MULTILINE | re.DOTALL)
    for command in re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, re.MULTILINE)
]
FOR_ALL_STEPS = [line for line in COMMANDS if line.startswith("export ")]
DATADOG, BOTH, OPENTELEMETRY, BOTH_ON_UVICORN = [
    line for line in COMMANDS if line.startswith("STREAMINSTR_BACKEND=")
]
(COMPARE,) = [line for line in COMMANDS if line.startswith("streaminstr compare ")]
(ONE_STREAM,) = [line for line in COMMANDS if "backends --check" in line]
(CHECK,) = [line for line in COMMANDS if line.endswith("manage.py check")]
SCRIPTS = Path(sys.executable).parent
NEEDED = ("gunicorn", "uvicorn", "ddtrace-run", "opentelemetry-instrument")
OUTCOMES = ["completed", "failed"]
"""Of the two addresses that the guide compares by."""
numbers = count()

SETTINGS = """
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["streaminstr.django"]
LOGGING_CONFIG = None
MIDDLEWARE = ["streaminstr.django.middleware.StreamScopeMiddleware"]
ROOT_URLCONF = "shop.urls"
SECRET_KEY = "not one"
STREAMINSTR = {"BACKEND": "ddtrace"}
"""
URLS = """
import streaminstr
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

{views}

urlpatterns += [path("plain", lambda _: HttpResponse("plain"))]
"""
SERVED = {
    "manage.py": "from django.core.management import execute_from_command_line\n"
    "import sys; execute_from_command_line(sys.argv)",
    "shop/__init__.py": "",
    "shop/settings.py": SETTINGS,
    "shop/wsgi.py": "from django.core.wsgi import get_wsgi_application\n"
    "application = get_wsgi_application()",
    "shop/asgi.py": "from django.core.asgi import get_asgi_application\n"
    "from streaminstr.asgi import StreamScopeMiddleware\n"
    "application = StreamScopeMiddleware(get_asgi_application())",
}


def views():
    """The guide's own views and addresses."""
    source, _ = documents.program(PAGE)
    found = [
        node
        for node in ast.parse(source).body
        if getattr(node, "name", None) in ("rows", "export")
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "urlpatterns")
    ]
    assert len(found) == 3
    return ast.unparse(found)


class Shop:
    """The guide's project in a folder, and a shell in it with the guide's variables."""

    def __init__(self, folder, agent):
        self.agent, self._folder = agent, folder
        (self._port,) = free_ports(1)
        for name, text in {**SERVED, "shop/urls.py": URLS.format(views=views())}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)

    def shell(self, command, *, without=(), **changes):
        """The arguments of `Popen` for a line of the guide, after its variables."""
        exports = [line for line in FOR_ALL_STEPS if not any(name in line for name in without)]
        unwanted = ("DD_", "OTEL_", "STREAMINSTR_", "DJANGO_")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
        ours = {
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
            "DD_REMOTE_CONFIGURATION_ENABLED": "false",
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{self._port}",
            "PATH": os.pathsep.join([str(SCRIPTS), os.environ["PATH"]]),
            "UVICORN_PORT": str(self._port),
        }
        # `timeout` ends what a test that was killed has left, and passes signals on.
        runs = f"exec timeout 120 env {command}".replace(
            "127.0.0.1:8000", f"127.0.0.1:{self._port}"
        )
        return {
            "args": ["bash", "-c", "\n".join([*exports, runs])],
            "env": {**clean, **ours, **changes},
            "cwd": self._folder,
            "text": True,
        }

    def run(self, command, **more):
        return subprocess.run(**self.shell(command, **more), capture_output=True, check=False)

    def compare(self, command=BOTH, **more):
        """What the guide's comparison says of a site that is started by `command`."""
        start = command.partition(" ")[2]
        return self.run(f"{COMPARE.partition(' -- ')[0]} -- {start}", **more)

    @contextmanager
    def serving(self, command, session):
        """The site, sending to the receivers under the name of a session."""
        where = {
            **self.agent.environment("ddtrace", session),
            **self.agent.environment("http", session),
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        with (
            (self._folder / "output").open("w") as output,
            subprocess.Popen(
                **self.shell(command, **where), stdout=output, stderr=subprocess.STDOUT
            ) as site,
        ):
            try:
                until(lambda: self._is_up() or site.poll() is not None, seconds=60)
                assert site.poll() is None, (self._folder / "output").read_text()
                yield
            finally:
                site.terminate()

    def ends_at_each_vendor(self, command):
        """How the guide's two streams ended, by what each vendor has, after one start."""
        session = f"guide-{next(numbers)}"
        vendors = ("ddtrace", "http")
        for vendor in vendors:
            self.agent.begin(vendor, session)
        with self.serving(command, session):
            for path in ("/export/2/", "/export/3/"):
                with Client(("127.0.0.1", self._port), path) as client:
                    assert client.read_all().startswith(b"HTTP/1.1 200")
        return [self._ends(vendor, session) for vendor in vendors]

    def _ends(self, vendor, session):
        """The outcomes of streams that have a parent, once all have come that are sent."""
        nodes = self.agent.nodes(vendor, session)  # the site has ended: it has sent all
        ids = {(node.trace_id, node.span_id) for node in nodes}
        return sorted(
            node["streaminstr.outcome"]
            for node in nodes
            if "streaminstr.outcome" in node.attributes and (node.trace_id, node.parent_id) in ids
        )

    def _is_up(self):
        with suppress(OSError), Client(("127.0.0.1", self._port), "/plain") as client:
            return client.read_all().startswith(b"HTTP/1.1 200")


@pytest.fixture
def shop(agent, tmp_path):
    missing = [name for name in NEEDED if not (SCRIPTS / name).exists()]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}: run `nox -s wire`")
    return Shop(tmp_path, agent)


SAME = (0, "2 streams, the same at both vendors.")
ONLY_DATADOG = (1, "OpenTelemetry has not sent it")
ONLY_OPENTELEMETRY = (1, "no parent at Datadog: the request is not traced by it (ddtrace-run,")
STEPS = [
    (DATADOG, [OUTCOMES, []], ONLY_DATADOG),
    (BOTH, [OUTCOMES, OUTCOMES], SAME),
    (OPENTELEMETRY, [[], OUTCOMES], ONLY_OPENTELEMETRY),
]


def test_forth_and_back(shop):
    """At each step each vendor has what the step is for, and `compare` says so."""
    for command, ends, (code, shown) in [*STEPS, *reversed(STEPS[:-1])]:
        assert shop.ends_at_each_vendor(command) == ends, command
        done = shop.compare(command)
        assert (done.returncode, shown in done.stdout) == (code, True), done.stdout + done.stderr


def test_both_on_uvicorn(shop):
    assert shop.ends_at_each_vendor(BOTH_ON_UVICORN) == [OUTCOMES, OUTCOMES]
    done = shop.compare(BOTH_ON_UVICORN)
    assert (done.returncode, SAME[1] in done.stdout) == (0, True), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("DD_TRACE_AGENT_PROTOCOL_VERSION", "twice in OTLP: ddtrace exports OTLP, and nothing to"),
        ("DJANGO_SETTINGS_MODULE", "/export/2/ answers 500 Internal Server Error."),
    ],
)
def test_compare_finds_the_variable_that_is_missing(shop, without, said):
    done = shop.compare(without=[without])
    assert (done.returncode, said in done.stdout + done.stderr) == (1, True), done.stdout


def test_compare_names_two_names_of_the_service(shop):
    done = shop.compare(without=["DD_SERVICE"], DD_SERVICE="shop", OTEL_SERVICE_NAME="other")
    assert done.returncode == 1
    assert "service 'shop' and 'other': set DD_SERVICE and OTEL_SERVICE_NAME alike" in done.stdout


@pytest.mark.parametrize(
    ("backends", "without", "ids"),
    [
        ("ddtrace,opentelemetry", [], set()),
        ("ddtrace,opentelemetry", ["DD_TRACE_AGENT_PROTOCOL_VERSION"], {"streaminstr.W010"}),
        ("ddtrace", ["DD_TRACE_AGENT_PROTOCOL_VERSION"], {"streaminstr.W010"}),
    ],
)
def test_the_checks_are_silent_but_for_the_variable(shop, backends, without, ids):
    done = shop.run(CHECK, without=without, STREAMINSTR_BACKEND=backends)
    assert set(re.findall(r"streaminstr\.W\d+", done.stderr)) == ids
    assert done.returncode == 0


def test_one_stream_is_seen_to_arrive_from_both(shop):
    (port,) = free_ports(1)
    done = shop.run(
        ONE_STREAM.replace("4318", str(port)), STREAMINSTR_BACKEND="ddtrace,opentelemetry"
    )
    span = r"(Datadog|OTLP).*: span 'streaminstr.check' of service '(\w+)'"
    received = re.findall(span, done.stdout)
    assert sorted(received) == [("Datadog", "shop"), ("OTLP", "shop")]
    assert done.returncode == 0
