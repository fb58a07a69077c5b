"""`streaminstr top` and the places where it looks for a roster."""

import json
import os

import pytest

import command_runs
from roster_fakes import page, row
from streaminstr.__main__ import main
from streaminstr._process.directory import Directory
from streaminstr._process.page import encode


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """The directories in which this user's workers write by default."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "tmp"))
    for name in ("run", "tmp"):
        (tmp_path / name).mkdir()
    return [tmp_path / "run" / "streaminstr", tmp_path / "tmp" / f"streaminstr-{os.geteuid()}"]


def put(path, *rows, address="00000000-7-7", **fields):
    """The page of a process of another host."""
    store = Directory(path)
    with store._made_if_missing() as folder:
        store._replace(folder, f"{address}.json", encode(page(*rows, **fields)))


def top(capsys, *arguments, code=0):
    assert main(["top", *map(str, arguments)]) == code
    return capsys.readouterr()


def test_the_streams_in_the_directory_are_shown(homes, capsys):
    put(homes[0], row(1, name="orders.export"))
    assert "orders.export" in top(capsys).out


def test_a_service_without_a_runtime_directory_is_seen_too(homes, capsys):
    put(homes[0], row(1, name="orders.export"), left_out=1)
    put(homes[1], row(2, name="chat"), pid=8)
    out = top(capsys).out
    assert out.startswith("2 streams in 2 workers")
    assert "web:7 has 1 more" in out


def test_what_is_open_in_the_command_itself_is_not_repeated(homes, capsys):
    for home in homes:
        put(home)
    assert top(capsys).out.startswith("0 streams")


@pytest.mark.parametrize("arguments", [(), ("--dir", "mine")])
def test_a_directory_in_which_no_worker_writes_is_named(homes, capsys, arguments, monkeypatch):
    """Its workers may write elsewhere: as another user, or under a /tmp of their own."""
    monkeypatch.chdir(homes[0].parent)
    place = homes[1] if not arguments else homes[0].with_name("mine")
    place.mkdir(mode=0o700)
    first, second, *_ = top(capsys, *arguments).out.split("\n")
    assert first == "0 streams in 0 workers"
    assert second.startswith(f"No worker writes into {place if not arguments else 'mine'}. ")


def test_the_directory_may_be_named(homes, tmp_path, capsys):
    put(tmp_path / "mine", row(1, name="orders.export"))
    assert "orders.export" in top(capsys, "--dir", tmp_path / "mine").out


def test_it_may_come_from_log_lines(homes, tmp_path, capsys):
    file = tmp_path / "log.jsonl"
    file.write_text(
        '{"event": "stream_opened", "streaminstr.stream_id": "abc", "stream": "chat"}\n'
    )
    (one,) = json.loads(top(capsys, "--json", "--from", file).out)["rows"]
    assert (one["id"], one["name"]) == ("abc", "chat")


def test_the_exit_code_tells_of_a_stall(homes, capsys):
    put(homes[0], row(1, idle=60.0))
    top(capsys, "--fail-if-stalled", 30, code=1)
    top(capsys, "--fail-if-stalled", 90)


@pytest.mark.parametrize("arguments", [[], ["--dir", "/no/such/place"], ["--from", "/no/such"]])
def test_where_there_is_no_table_the_exit_code_is_2(homes, capsys, arguments):
    error = top(capsys, *arguments, code=2).err
    assert error.startswith("streaminstr: ")
    assert arguments[:1] == ["--from"] or '"ROSTER": True' in error


def test_a_directory_that_is_refused_is_said_to_be(homes, capsys):
    homes[0].mkdir(mode=0o755)
    assert "has the mode 0755" in top(capsys, code=2).err


SITE = """
SECRET_KEY = "x"
INSTALLED_APPS = []
STREAMINSTR = {"BACKEND": "log", "ROSTER": %r}
"""


@pytest.mark.parametrize(("roster", "code"), [(True, 0), (None, 2)])
def test_the_settings_of_the_site_say_where(tmp_path, roster, code):
    put(tmp_path / "run", row(1, name="orders.export"))
    setting = {"DIR": str(tmp_path / "run")} if roster else None
    (tmp_path / "shop_settings.py").write_text(SITE % (setting,))
    done = command_runs.run("top", cwd=tmp_path, DJANGO_SETTINGS_MODULE="shop_settings")
    assert done.returncode == code, done.stderr
    if roster:
        assert "orders.export" in done.stdout
    else:
        assert "STREAMINSTR in shop_settings has no ROSTER. Write" in done.stderr
