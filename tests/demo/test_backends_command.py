"""`streaminstr backends`: what is installed, what is picked, whether it works."""

from importlib.metadata import EntryPoint, version

import pytest

from command_runs import run
from streaminstr import _registry
from streaminstr.command.backends import names_in, pick, show, try_out
from streaminstr.command.install import install_line


class Broken:
    """A backend whose method `where` raises."""

    def __init__(self, where):
        self.where = where

    def open(self, info):
        self.do("open")
        return self

    def start(self):
        self.do("start")
        return {"trace_id": "7", "env": ""}

    def close(self, report):
        self.do("close")

    def flush(self, timeout):
        self.do("flush")

    def do(self, what):
        if what == self.where:
            raise OSError(what)


@pytest.fixture
def project(tmp_path):
    """Makes a folder with a settings module in it; gives what runs the command there."""

    def make(source, *arguments):
        (tmp_path / "shop_settings.py").write_text(source)
        return run("backends", *arguments, cwd=tmp_path, DJANGO_SETTINGS_MODULE="shop_settings")

    return make


def row(output, name):
    return next(line.split() for line in output.splitlines() if line.startswith(name))


def test_the_list_names_each_backend_with_its_distribution_and_version(monkeypatch, capsys):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    assert show() == 0
    shown = capsys.readouterr().out
    assert row(shown, "log")[1:4] == ["yes", "streaminstr", version("streaminstr")]
    assert row(shown, "ddtrace")[1:4] == [
        "streaminstr",
        version("streaminstr"),
        "streaminstr_ddtrace:DatadogBackend",
    ]
    assert "Picked: 'log' (the default; DJANGO_SETTINGS_MODULE is not set)." in shown


@pytest.mark.parametrize(
    ("picked", "names"),
    [
        ("ddtrace", {"ddtrace"}),
        (["ddtrace", {"BACKEND": "log"}], {"ddtrace", "log"}),
        (None, set()),
        (Broken(""), set()),
    ],
)
def test_the_names_in_a_setting_are_found(picked, names):
    assert names_in(picked) == names


def test_the_command_line_counts_before_the_settings(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "not.looked.at")
    assert pick("ddtrace") == ("ddtrace", {}, "asked for on the command line")


def test_the_settings_pick_and_the_pick_is_marked(project):
    done = project('STREAMINSTR = {"BACKEND": ["ddtrace", "log"]}')
    assert (done.returncode, done.stderr) == (0, "")
    assert [row(done.stdout, name)[1] for name in ("ddtrace", "log")] == ["yes", "yes"]
    assert "Picked: ['ddtrace', 'log'] (STREAMINSTR in shop_settings)." in done.stdout


def test_settings_without_streaminstr_leave_the_default(project):
    done = project("")
    assert "Picked: 'log' (the default; shop_settings has no STREAMINSTR)." in done.stdout


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('STREAMINSTR = {"BACKENDS": "log"}', "unknown keys: BACKENDS"),
        ('STREAMINSTR = {"BACKEND": "nope"}', "No backend is called 'nope'"),
        ("import nowhere_to_be_found", "cannot be imported"),
    ],
)
def test_settings_that_cannot_work_exit_with_2(project, source, problem):
    done = project(source)
    assert done.returncode == 2
    assert problem in done.stderr


def test_settings_without_django_are_told_how_to_install_it():
    done = run("backends", without=("django",), DJANGO_SETTINGS_MODULE="shop_settings")
    assert done.returncode == 2
    assert done.stderr.endswith(f"{install_line('streaminstr[django]')}\n")


def test_what_cannot_be_imported_is_listed_with_the_command_that_installs_it():
    done = run("backends", without=("ddtrace",))
    assert done.returncode == 0
    assert 'no: python -m pip install "streaminstr[ddtrace]"' in done.stdout


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("json:nothing", "no: module 'json' has no attribute 'nothing'"),
        ("nowhere_to_be_found:x", 'no: python -m pip install "streaminstr[mine]"'),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_listed_so(monkeypatch, capsys, value, told):
    point = EntryPoint("mine", value, "streaminstr.backends")
    monkeypatch.setattr(_registry, "installed", lambda: [point])
    show(Broken(""))
    assert row(capsys.readouterr().out, "mine")[1:] == ["?", "?", value, *told.split()]


def test_the_check_tells_what_arrived(capsys):
    assert try_out((Broken("nowhere"),)) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "  open: ok",
        "  start: ok",
        "  ids: trace_id=7",
        "  close (completed, 3 chunks, 13 bytes): ok",
        "  flush: ok",
    ]


@pytest.mark.parametrize(
    ("where", "notes"),
    [
        ("open", ["open: raised", "flush: ok"]),
        ("start", ["open: ok", "start: raised", "ids: none", "flush: ok"]),
        ("close", ["open: ok", "start: ok", "ids: ", "close (completed", "flush: ok"]),
        ("flush", ["open: ok", "start: ok", "ids: ", "close (completed", "flush: raised"]),
    ],
)
def test_the_check_fails_where_a_method_raises(capsys, where, notes):
    assert try_out((Broken(where),)) == 1
    lines = capsys.readouterr().out.splitlines()[2:]
    pairs = zip(lines, notes, strict=True)
    assert [note for line, note in pairs if line.startswith(f"  {note}")] == notes


def test_a_backend_that_does_not_buffer_is_not_flushed(capsys):
    assert try_out(_registry.resolve("log", {})) == 0
    assert "flush" not in capsys.readouterr().out


def test_nothing_is_checked_where_everything_is_off(capsys):
    assert try_out(()) == 0
    assert "turns everything off" in capsys.readouterr().out


def test_the_check_goes_through_the_backend_that_the_settings_pick(project):
    done = project('STREAMINSTR = {"BACKEND": "opentelemetry"}', "--check")
    assert done.returncode == 0
    assert "streaminstr_opentelemetry.OpenTelemetryBackend" in done.stdout
    assert "close (completed, 3 chunks, 13 bytes): ok" in done.stdout
