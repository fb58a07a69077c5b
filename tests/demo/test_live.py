"""`streaminstr demo --live`: streams of each kind, a page that shows them, and a clean end."""

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

import pytest

from command_runs import TIMEOUT, run
from live_demo import live_demo, origin_in, password_in
from streaminstr import StreaminstrError
from streaminstr._install import install_line
from streaminstr.demo.live.run import worker

ROUTES = {"chat/", "export/", "model.answer", "orders/&lt;int:shop&gt;/feed/", "prices/"}
TURNS = {"producer", "upstream", "consumer"}


class Person:
    """Someone with a browser, who reads HTML."""

    def __init__(self, origin):
        self.origin, self.cookies = origin, CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def read(self, path, **fields):
        sent = urllib.parse.urlencode(fields).encode() if fields else None
        with self.opener.open(self.origin + path, sent, TIMEOUT) as answer:
            return answer.read().decode()

    def log_in(self, password):
        token = token_in(self.read("/login/"))
        fields = {"username": "staff", "password": password, "next": "/streams/"}
        return self.read("/login/", csrfmiddlewaretoken=token, **fields)

    def until(self, path, condition):
        """Read a page again until it is as expected."""
        deadline = time.monotonic() + TIMEOUT
        while not condition(text := self.read(path)):
            assert time.monotonic() < deadline, text
        return text


def token_in(html):
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)[1]


def routes_in(html):
    part = html.partition("By route")[2].partition("</table>")[0]
    return set(re.findall(r'<a href="\?route[^>]+>([^<]+)</a>', part))


def turns_in(html):
    return set(re.findall(r'class="turn (\w+)"', html))


@pytest.fixture
def places(tmp_path):
    """Where the demo keeps what it needs, and where nothing else is."""
    runtime, temporary = tmp_path / "run", tmp_path / "tmp"
    runtime.mkdir(0o700)
    temporary.mkdir()
    return {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(temporary)}


@pytest.mark.parametrize("backend", ["log", "opentelemetry"])
def test_a_person_sees_each_kind_and_closes_one_until_ctrl_c(places, tmp_path, backend):
    with live_demo("--backend", backend, **places) as demo:
        person = Person(origin_in(demo.text))
        assert "Log in" in person.read("/streams/")
        assert "<h1>Open streams</h1>" in person.log_in(password_in(demo.text))
        html = person.until(
            "/streams/",
            lambda html: routes_in(html) >= ROUTES and turns_in(html) >= TURNS,
        )
        assert "<dt>workers</dt><dd>2</dd>" in html
        assert "ROSTER" not in html
        person.until("/streams/", lambda html: '<span class="outcome failed">' in html)
        top = json.loads(run("top", "--json", **places).stdout)
        assert {row["turn"] for row in top["rows"]} == TURNS
        assert len(top["workers"]) == 2
        # The page is of the ASGI worker, and the stream of the WSGI worker: it ends with its next
        # step, when its client has read more.
        stream = re.search(r'href="(/streams/\w+/)">GET export/', html)[1]
        token = token_in(person.read(stream))
        answer = person.read(f"{stream}close/", csrfmiddlewaretoken=token, reason="a test")
        assert re.search("<h1>(Closed|Asked to end)</h1>", answer)
        person.until(stream, lambda html: "cancelled by server</span> (a test)" in html)
    assert (demo.code, demo.errors) == (0, "")
    assert [*(tmp_path / "tmp").iterdir()] == []


def test_what_is_missing_is_named_with_the_command_that_installs_it():
    done = run("demo", "--live", without=("uvicorn",))
    assert done.returncode == 2
    assert install_line("streaminstr[demo]") in done.stderr


def test_a_worker_that_does_not_start_is_named(tmp_path, capfd):
    with (
        pytest.raises(StreaminstrError, match="ASGI server has not"),
        worker(tmp_path, "x", "asgi"),
    ):
        pass
    assert "No backend is called 'x'" in capfd.readouterr().err


def test_it_ends_by_itself_or_by_ctrl_c():
    done = run("demo", "--live", "--keep")
    assert "not allowed with argument" in done.stderr
