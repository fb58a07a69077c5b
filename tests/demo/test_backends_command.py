"""`streaminstr backends`: what is installed, what is picked, whether it works."""

import re
from importlib.metadata import EntryPoint, version

import pytest

from command_runs import Broken, run
from streaminstr import _registry
from streaminstr._environment import in_environment
from streaminstr._install import install_line
from streaminstr.command.backends import names_in, pick, show


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


def test_the_environment_counts_before_the_settings(monkeypatch):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    monkeypatch.setenv("STREAMINSTR_BACKEND", "none")
    in_environment.cache_clear()
    assert pick(None) == (None, {}, "STREAMINSTR_BACKEND in the environment")
    in_environment.cache_clear()


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
        ('STREAMINSTR = {"BACKENDS": "log"}', "the unknown key 'BACKENDS'"),
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
    told = r"^ddtrace cannot be imported: .*\. Install it: (.*)$"
    (line,) = re.findall(told, done.stdout, re.MULTILINE)
    assert line == install_line("streaminstr[ddtrace]")


def test_the_table_is_as_wide_as_its_names(capsys, monkeypatch):
    """What has to be installed stands below, and not in a column of its own."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    show()
    table, *_ = capsys.readouterr().out.split("\n\n")
    assert max(map(len, table.splitlines())) < 90


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("json:nothing", "module 'json' has no attribute 'nothing'"),
        ("nowhere_to_be_found:x", "No module named 'nowhere_to_be_found'"),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_listed_so(monkeypatch, capsys, value, told):
    point = EntryPoint("mine", value, "streaminstr.backends")
    monkeypatch.setattr(_registry, "installed", lambda: [point])
    show(Broken(""))
    out = capsys.readouterr().out
    assert row(out, "mine")[1:] == ["?", value]
    assert f"\nmine cannot be imported: {told}.\n" in out
