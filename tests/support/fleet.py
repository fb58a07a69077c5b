"""Two hosts, a load and what is seen of it: Redis, Prometheus and an OTLP receiver beside."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from itertools import count
from pathlib import Path

from real_services import free_port, wait_for_port
from server_process import Client
from wire_agent import until

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "docs" / "monitoring" / "prometheus-rules.yaml"
LEFT = ("cancelled", "not told")
"""How a stream ends whose client leaves: WSGI's servers do not say so. A host that drains at that
moment is taken to be the one that cut it."""
BOUNDED = ("timeout", "420")
"""Ends a server whose test was killed before it could."""


class Host:
    """A gunicorn of four workers; `restart` is what a rolling deploy does to it."""

    def __init__(self, name, folder, environment):
        self.address = ("127.0.0.1", free_port())
        self._folder = folder / name
        (self._folder / "metrics").mkdir(parents=True)
        self.environment = {
            **os.environ,
            **environment,
            "DJANGO_SETTINGS_MODULE": "fleet_site",
            "FLEET_BIND": "{}:{}".format(*self.address),
            "FLEET_HOST": name,
            "PROMETHEUS_MULTIPROC_DIR": str(self._folder / "metrics"),
            "PYTHONPATH": str(HERE),
        }

    def start(self):
        command = (sys.executable, "-m", "gunicorn", "-c", "python:fleet_site", "fleet_site:site()")
        with (self._folder / "log").open("a") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own site
                [*BOUNDED, *command],
                env=self.environment,
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(self._is_up, seconds=60)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # the session that we have started for it
        self.process.wait()

    def log(self):
        return (self._folder / "log").read_text()

    def _is_up(self):
        with contextlib.suppress(OSError), Client(self.address, "/plain") as client:
            return client.read_all().startswith(b"HTTP/1.1 200")


class Visits:
    """What the clients have seen: how each visit ended for them."""

    def __init__(self):
        self._numbers = count()
        self._lock = threading.Lock()
        self.unsure = set()
        """Those of which nothing came: the host went away before or after it began the stream."""
        self.expected = {}
        """By visit: the outcome that it has to have, and who cancelled it."""

    def begin(self, host, path):
        """A client whose stream has begun, and its number; OSError where there is none."""
        with self._lock:
            visit = f"{path}-{next(self._numbers)}"
        client = Client(host.address, f"/{path}?visit={visit}")
        with contextlib.suppress(ConnectionError):
            if b"begun" in client.read_until(b"begun"):
                return client, visit
        client.socket.close()
        self.unsure.add(visit)
        raise ConnectionResetError

    def saw(self, visit, outcome, cancelled_by=None):
        with self._lock:
            self.expected[visit] = (outcome, cancelled_by)

    def make_one(self, host, path):
        """Begin, read or leave; a host that is away is not there."""
        try:
            client, visit = self.begin(host, path)
        except OSError:
            return
        with client:
            if path == "endless":
                client.read_until(b"1\n")
                self.saw(visit, *LEFT)
                return
            client.read_all()
        self.saw(visit, "completed" if path == "whole" else "failed")


@contextlib.contextmanager
def load(visits, hosts, clients=4):
    """Clients that come one after another until the end of the block: some fail, some leave."""
    ends = threading.Event()

    def visit(seed):
        draw = random.Random(seed)  # noqa: S311 - which page is next
        while not ends.wait(0.05):
            path = draw.choice(("whole", "whole", "failing", "endless"))
            visits.make_one(draw.choice(hosts), path)

    threads = [threading.Thread(target=visit, args=[seed]) for seed in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ends.set()
        for thread in threads:
            thread.join()


class Prometheus:
    """Debian's, which scrapes the hosts each second."""

    def __init__(self, folder, hosts):
        self._folder = folder / "prometheus"
        self._folder.mkdir()
        self._port = free_port()
        targets = ["{}:{}".format(*host.address) for host in hosts]
        scrape = {"job_name": "fleet", "static_configs": [{"targets": targets}]}
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "5s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [scrape],
        }
        self._config = self._folder / "prometheus.yml"
        self._config.write_text(json.dumps(config))  # which is YAML, too

    def __enter__(self):
        command = (
            *("prometheus", f"--config.file={self._config}", "--log.level=error"),
            *(
                f"--storage.tsdb.path={self._folder}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ),
        )
        self._process = subprocess.Popen([*BOUNDED, *command])  # noqa: S603 - Debian's
        wait_for_port(self._port, self._process)
        return self

    def __exit__(self, *exc_info):
        self._process.terminate()
        self._process.wait()

    def query(self, query):
        """The value of a query that has one series; 0 for none."""
        results = self._get("query", query=query)["result"]
        return sum(float(result["value"][1]) for result in results)

    def by(self, label, total):
        """The values of a query `sum(...)` by the values of a label."""
        query = total.replace("sum(", f"sum by ({label}) (", 1)
        results = self._get("query", query=query)["result"]
        return {one["metric"].get(label, ""): float(one["value"][1]) for one in results}

    def firing(self):
        return {
            alert["labels"]["alertname"]
            for alert in self._get("alerts")["alerts"]
            if alert["state"] == "firing"
        }

    def _get(self, what, **parameters):
        url = f"http://127.0.0.1:{self._port}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]


def roster(host):
    """The open streams of both hosts, as `manage.py streams` on one of them has them."""
    done = subprocess.run(
        [sys.executable, "-m", "django", "streams", "--json"],
        env=host.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)["rows"]


def streams_of(receiver):
    """The spans of streams that have arrived, by the client's visit."""
    spans = {}
    for arrival in receiver.arrivals():
        for span in arrival.spans:
            if visit := span.attributes.get("fleet.visit"):
                spans.setdefault(visit, []).append(span)
    return spans


def ends_of(streams):
    """How each stream has ended, by its one span: the outcome, and who cancelled it."""
    return {
        visit: (
            span.attributes["streaminstr.outcome"],
            span.attributes.get("streaminstr.cancelled_by"),
        )
        for visit, (span,) in streams.items()
    }


def is_as_seen(end, seen):
    """Whether a stream has ended as its client saw."""
    return end == seen or (seen == LEFT and end in (("cancelled", None), ("cancelled", "server")))


def counted_by_opentelemetry(receiver, metric):
    """The newest point of each series of each worker, added up by outcome."""
    newest = {}
    for arrival in receiver.arrivals():
        for point in arrival.points:
            if point.name == metric:
                own = tuple(sorted(point.attributes.items(), key=str))
                newest[point.resource["service.instance.id"], own] = point
    sums = {}
    for point in newest.values():
        outcome = point.attributes.get("streaminstr.outcome", "")
        value = point.value if point.count is None else point.count
        sums[outcome] = sums.get(outcome, 0) + value
    return sums
