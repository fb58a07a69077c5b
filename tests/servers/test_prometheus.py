"""gunicorn with two workers in prometheus_client's multiprocess mode, as the how-to has it."""

import os
import re
import signal
import urllib.request
from collections import Counter
from contextlib import ExitStack

import pytest
from prometheus_client.parser import text_string_to_metric_families

import documents
from server_process import PATIENCE, Client, Kind, Server, is_missing
from wire_agent import until

pytestmark = pytest.mark.servers
KIND = Kind(
    "gunicorn",
    "wsgi",
    (
        *("-m", "gunicorn", "-k", "gthread", "--threads", "100", "--workers", "2"),
        *("-b", "{host}:{port}", "-c", "{config}", "prometheus_site:application"),
    ),
)


def config():
    """The block of the page that is a gunicorn.conf.py."""
    page = (documents.ROOT / "docs/how-to/prometheus.md").read_text()
    (block,) = re.findall(
        r"```python\n(from prometheus_client.multiprocess import mark.*?)```", page, re.DOTALL
    )
    return block


@pytest.fixture
def server(tmp_path):
    if is_missing(KIND):
        pytest.skip("gunicorn is not installed")
    folder = tmp_path / "metrics"
    folder.mkdir()
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    running = Server(KIND, net=False, folder=tmp_path, config=config(), environment=environment)
    with running, ExitStack() as running.clients:
        yield running


def scraped(server):
    """The sums over all labels but the outcome."""
    host, port = server.address
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=PATIENCE) as answer:
        page = answer.read().decode()
    sums = Counter()
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            sums[sample.name, sample.labels.get("streaminstr_outcome", "")] += sample.value
    return sums


def counted(server, name, outcome=""):
    return scraped(server)[f"streaminstr_{name}", outcome]


def leak(server):
    """Opened - closed - open, as the page has it."""
    sums = scraped(server)
    closed = sum(
        value for (name, _), value in sums.items() if name == "streaminstr_streams_closed_total"
    )
    opened = sums["streaminstr_streams_opened_total", ""]
    return opened - closed - sums["streaminstr_active_streams", ""]


def read(server, path):
    with Client(server.address, path) as client:
        client.read_all()


def begin(server):
    """An endless stream, and the worker that serves it."""
    client = server.clients.enter_context(Client(server.address, "/endless"))
    head = client.read_until(b"0\n")
    return client, int(re.search(rb"X-Worker: (\d+)", head)[1])


def begin_in_each_worker(server):
    """Streams until both workers have one."""
    begun = []
    until(lambda: begun.append(begin(server)) or len({worker for _, worker in begun}) == 2)
    return begun


def test_a_scrape_adds_the_workers_up(server):
    for path in ("/whole", "/whole", "/whole", "/failing"):
        read(server, path)
    begun = begin_in_each_worker(server)
    assert counted(server, "active_streams") == len(begun)
    assert counted(server, "streams_opened_total") == 4 + len(begun)
    server.clients.close()
    until(lambda: counted(server, "streams_closed_total", "cancelled") == len(begun))
    assert counted(server, "active_streams") == 0
    assert counted(server, "streams_closed_total", "completed") == 3
    assert counted(server, "streams_closed_total", "failed") == 1
    assert counted(server, "stream_duration_seconds_count", "completed") == 3
    assert counted(server, "stream_body_size_bytes_sum", "completed") == 3 * len("one\ntwo\n")
    assert leak(server) == 0


def test_the_streams_of_a_killed_worker_are_open_no_longer_and_show_as_a_leak(server):
    begun = begin_in_each_worker(server)
    (_, killed), *_ = begun
    lost = sum(worker == killed for _, worker in begun)
    os.kill(killed, signal.SIGKILL)
    until(lambda: counted(server, "active_streams") == len(begun) - lost)
    assert counted(server, "streams_opened_total") == len(begun)
    assert leak(server) == lost
    server.clients.close()
    until(lambda: counted(server, "active_streams") == 0)
    assert leak(server) == lost
