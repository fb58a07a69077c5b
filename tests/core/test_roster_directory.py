"""The directory of the roster: who may use it, what is in it, and when it is swept."""

import json
import os
import re
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import roster_fakes as fakes
from roster_fakes import id_of, page
from streaminstr._process import directory as module
from streaminstr._process import place, requests
from streaminstr._process.directory import Directory
from streaminstr._process.page import LARGEST, encode
from streaminstr._process.roster import Roster
from streaminstr._process.rows import CloseResult
from streaminstr.types import StreaminstrError

PROCESS = Path(fakes.__file__).with_name("roster_process.py")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "streams"


@pytest.fixture
def store(path):
    return Directory(path)


def addresses(store):
    return [address for address, _ in store.read()]


def other(store):
    """The address of a process that lives: the parent of this one."""
    pid = os.getppid()
    return f"{place.here()}-{pid}-{place.started(pid)}"


def put(store, name, text="x", age=0.0):
    store.write("own")
    file = store.path / name
    file.write_text(text)
    then = time.time() - age
    os.utime(file, (then, then))
    return file


# Where it is


def test_it_is_in_the_runtime_directory_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert Directory().path == tmp_path / "streaminstr"


@pytest.mark.parametrize("runtime", ["", "/no/such/place", "relative", "of another user"])
def test_without_one_the_user_is_in_its_name(monkeypatch, tmp_path, runtime):
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    if runtime == "of another user":
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert Directory().path == tmp_path / f"streaminstr-{os.geteuid()}"


# Who may use it


def test_it_is_made_for_this_user_alone(store):
    store.write("page")
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in store.path.iterdir()] == [0o600]


def refused(store, why):
    for use in (store.check, lambda: store.write("page"), lambda: list(store.read())):
        with pytest.raises(StreaminstrError, match=f"{why}.*Remove it, or name another one"):
            use()


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o750, 0o500])
def test_one_that_is_open_to_others_is_refused(store, mode):
    store.path.mkdir()
    store.path.chmod(mode)
    refused(store, f"has the mode {mode:04o}")


def test_a_link_is_refused(store, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    store.path.symlink_to(tmp_path / "elsewhere")
    refused(store, "is a symbolic link")


def test_a_file_is_refused(store):
    store.path.write_text("")
    refused(store, "is no directory")


def test_that_of_another_user_is_refused(store, monkeypatch):
    store.path.mkdir(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    refused(store, "belongs to another user")


def test_one_that_takes_its_place_is_refused(store, monkeypatch):
    store.path.mkdir(0o700)
    about = os.lstat(store.path)
    store.path.chmod(0o777)
    monkeypatch.setattr(os, "lstat", lambda _: about)
    refused(store, "has the mode 0777")


def test_where_it_is_not_there_nothing_is_read(store):
    store.check()
    assert (addresses(store), list(store.asked())) == ([], [])


def test_where_it_cannot_be_made_that_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Directory(tmp_path / "no" / "streams").write("page")


def test_what_hinders_is_in_the_table(store):
    store.path.mkdir(mode=0o755)
    assert "has the mode" in Roster(store).table().problem


# What is in it


def test_a_page_is_replaced_as_a_whole(store):
    store.write("one")
    store.write("two")
    assert list(store.read()) == [(store.own, b"two")]
    assert len(list(store.path.iterdir())) == 1


def test_what_cannot_be_written_leaves_nothing_behind(store):
    store.write("one")
    with pytest.raises(UnicodeEncodeError):
        store.write("\udcff")
    assert list(store.read()) == [(store.own, b"one")]
    assert len(list(store.path.iterdir())) == 1


def test_other_files_are_left_alone(store):
    put(store, "notes.txt", age=1000)
    module.sweep(os.open(store.path, os.O_RDONLY))
    assert addresses(store) == [store.own]
    assert (store.path / "notes.txt").exists()


def test_a_link_in_it_is_not_followed(store, tmp_path):
    store.write("own")
    (tmp_path / "secret").write_text("secret")
    (store.path / f"{other(store)}.json").symlink_to(tmp_path / "secret")
    assert dict(store.read())[other(store)] == b""


def test_a_fifo_in_it_hinders_no_reader(store):
    store.write("own")
    os.mkfifo(store.path / f"{other(store)}.json")
    assert dict(store.read())[other(store)] == b""


def test_a_directory_in_it_hinders_neither_reader_nor_sweep(store):
    store.write("own")
    for name in (f"{other(store)}.json", f"{store.own}.{id_of(1)}.ask", "00000000-7-7.json"):
        (store.path / name).mkdir()
        os.utime(store.path / name, (0, 0))
    assert dict(store.read()) == {store.own: b"own", other(store): b""}
    assert list(store.asked()) == [b""]
    store._swept = 0.0
    store.write("own")


def test_what_is_too_large_is_not_read(store):
    put(store, f"{other(store)}.json", "x" * (LARGEST + 1))
    assert dict(store.read())[other(store)] == b""


def test_what_another_user_has_put_there_is_not_read(store, monkeypatch):
    put(store, f"{other(store)}.json")
    user = os.geteuid()
    answers = iter([user, user])  # of the directory: twice
    monkeypatch.setattr(os, "geteuid", lambda: next(answers, user + 1))
    assert [text for _, text in store.read()] == [b"", b""]


def test_what_goes_while_it_is_read_is_left_out(store, monkeypatch):
    store.write("own")
    monkeypatch.setattr(module, "_names", lambda _: [f"{other(store)}.json", f"{store.own}.json"])
    assert addresses(store) == [store.own]


# Which processes live


def test_a_process_that_has_ended_is_not_there(store):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    name = f"{place.here()}-{ended.pid}-{place.started(ended.pid)}"
    ended.wait()
    put(store, f"{name}.json")
    assert addresses(store) == [store.own]


def test_one_that_no_one_has_waited_for_is_not_there():
    ended = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    ended.stdout.read()
    deadline = time.monotonic() + 30
    while place.started(ended.pid) and time.monotonic() < deadline:
        os.sched_yield()
    assert place.started(ended.pid) == 0
    ended.communicate()


def test_another_process_of_the_same_pid_is_another_one(store):
    put(store, f"{place.here()}-{os.getpid()}-1.json")
    assert addresses(store) == [store.own]


@pytest.mark.parametrize(("age", "is_there"), [(1.0, True), (61.0, False)])
def test_that_of_another_host_is_there_while_it_is_written(store, age, is_there):
    put(store, "00000000-7-7.json", age=age)
    assert ("00000000-7-7" in addresses(store)) == is_there


def test_what_is_stale_is_swept_from_time_to_time(store, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stale = put(store, f"{place.here()}-{os.getpid()}-1.json")
    left = put(store, f"{store.own}.{id_of(1)}.ask", age=61)
    half = put(store, f"{store.own}.{id_of(1)}.new", age=61)
    store.write("own")
    assert stale.exists()
    now[0] += 11
    store.write("own")
    assert not any(file.exists() for file in (stale, left, half))


def test_two_may_sweep_at_once(store, monkeypatch):
    put(store, f"{place.here()}-{os.getpid()}-1.json")
    unlink = os.unlink
    monkeypatch.setattr(os, "unlink", lambda *a, **k: (unlink(*a, **k), unlink(*a, **k)))
    module.sweep(os.open(store.path, os.O_RDONLY))
    assert addresses(store) == [store.own]


def test_one_that_was_swept_while_it_was_looked_at_is_stale(store):
    store.write("own")
    assert module._is_stale(os.open(store.path, os.O_RDONLY), "00000000-7-7.json")


# Requests


def test_a_request_is_taken_by_its_process_and_once(store):
    text, nonce = requests.make("close", {"id": id_of(1)})
    store.ask(store.own, nonce, text)
    store.ask(other(store), nonce, text)
    assert list(store.asked()) == [text.encode()]
    assert list(store.asked()) == []


def test_a_request_that_is_too_large_is_none(store):
    put(store, f"{store.own}.{id_of(1)}.ask", "x" * 5000)
    assert list(store.asked()) == [b""]


# Two processes


@pytest.fixture
def process(path):
    """Another process with one open stream; sends a line for each thing that happens."""
    with subprocess.Popen(  # noqa: S603
        [sys.executable, PROCESS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        yield running
        running.kill()


def seen(roster, condition):
    """The table, as soon as the condition holds of it."""
    deadline = time.monotonic() + 30
    while not condition(table := roster.table()):
        assert time.monotonic() < deadline, table
        threading.Event().wait(0.02)
    return table


def test_the_streams_of_another_process_are_seen_and_closed(process, store):
    id_ = process.stdout.readline().strip()
    roster = Roster(store)
    table = seen(roster, lambda table: [one.id for one in table.rows] == [id_])
    assert [worker.pid for worker in table.workers] == [process.pid]
    assert table.rows[0].waits
    assert roster.request_close(id_, "stuck", timeout=30) is CloseResult.CLOSED
    assert process.stdout.readline().strip() == "cancelled server stuck"
    assert [one.close_reason for one in roster.table().ended] == ["stuck"]


def test_a_process_that_was_killed_is_gone_at_once(process, store):
    process.stdout.readline()
    roster = Roster(store)
    seen(roster, lambda table: table.rows)
    process.kill()
    process.wait()
    assert roster.table().workers == ()


def test_a_forked_child_has_a_page_of_its_own(process, store):
    process.stdout.readline()
    process.stdin.write("fork\n")
    process.stdin.flush()
    child = int(process.stdout.readline())
    table = seen(Roster(store), lambda table: len(table.rows) == 2)
    assert {worker.pid for worker in table.workers} == {process.pid, child}


IMPORTS = """
import sys, threading
imported = []
sys.addaudithook(
    lambda event, values: event == "import"
    and threading.current_thread().name == "streaminstr-progress"
    and imported.append(values[0])
)
import streaminstr
from streaminstr._process import directory
from streaminstr.testing import RecordingBackend
shown, written = threading.Event(), threading.Event()
class Backend(RecordingBackend):
    def open(self, info):
        scope = super().open(info)
        scope.progress = lambda report: shown.set()
        return scope
class Noted(directory.Directory):
    def write(self, text):
        super().write(text)
        written.set()
streaminstr.configure(Backend(), roster=Noted(sys.argv[1]), progress_interval=0.01)
made = streaminstr.stream(iter([b"one", b"two"]))
next(made)
assert shown.wait(30) and written.wait(30)
made.close()
print(imported)
"""


def test_the_background_thread_imports_nothing(path):
    """A process that is forked in the midst of an import never has that module."""
    command = [sys.executable, "-c", IMPORTS, path]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)  # noqa: S603
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_page_of_a_process_is_json_of_bounded_size(process, store):
    process.stdout.readline()
    seen(Roster(store), lambda table: table.rows)
    (file,) = store.path.glob("*.json")
    assert re.fullmatch(r"[0-9a-f]{8}-\d+-\d+\.json", file.name)
    assert json.loads(file.read_bytes())["pid"] == process.pid
    assert encode(page())
