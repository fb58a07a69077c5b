"""Which step runs: the compiled one where it is installed and of the same version."""

import itertools
import os
import re
import signal
import sys
import threading
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

import streaminstr
from streaminstr import _speedups
from streaminstr._core.step import AsyncStep, Step
from streaminstr.command import run

ROOT = Path(__file__).parents[2]
VERSION = streaminstr.__version__


@pytest.fixture
def installed(monkeypatch):
    """Installs a compiled step of some version, or None: none at all."""
    monkeypatch.delenv("STREAMINSTR_PURE", raising=False)

    def install(version):
        found = None if version is None else SimpleNamespace(__version__=version)
        monkeypatch.setitem(sys.modules, "streaminstr_speedups", found)
        return found

    return install


def test_the_compiled_step_runs_where_it_is_installed(installed):
    found = installed(VERSION)
    assert _speedups._load() is found


def test_without_it_plain_python_runs(installed):
    installed(None)
    assert _speedups._load() is None


@pytest.mark.parametrize(
    ("value", "is_pure"), [("1", True), ("yes", True), ("0", False), ("", False)]
)
def test_it_can_be_turned_off(installed, monkeypatch, value, is_pure):
    installed(VERSION)
    monkeypatch.setenv("STREAMINSTR_PURE", value)
    assert (_speedups._load() is None) == is_pure


def test_another_version_is_refused_with_the_command_that_installs_both(installed):
    installed("0.0.9")
    with pytest.warns(RuntimeWarning) as warned:
        assert _speedups._load() is None
    (warning,) = warned
    assert "streaminstr-speedups is 0.0.9" in str(warning.message)
    assert f'python -m pip install "streaminstr[speedups]=={VERSION}"' in str(warning.message)


def test_what_cannot_be_imported_is_refused_with_the_same_command(installed, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "streaminstr_speedups", raising=False)
    (tmp_path / "streaminstr_speedups.py").write_text("raise ImportError('another Python')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("STREAMINSTR_PURE", raising=False)
    with pytest.warns(RuntimeWarning, match=r"another Python.*Install both: python -m pip"):
        assert _speedups._load() is None


@pytest.mark.parametrize("compiled", [None, SimpleNamespace(__version__="1.2")])
@pytest.mark.parametrize("command", [["--version"], ["backends", "--backend", "log"]])
def test_the_command_line_says_which_step_runs(compiled, command, monkeypatch, capsys):
    monkeypatch.setattr(_speedups, "compiled", compiled)
    try:
        run(command)
    except SystemExit as end:
        assert end.code == 0  # noqa: PT017 - as argparse ends
    said = "plain Python" if compiled is None else "compiled, streaminstr-speedups 1.2"
    assert said in capsys.readouterr().out


def test_the_steps_of_this_process_are_those_that_were_chosen():
    kinds = {Step.__module__, AsyncStep.__module__}
    compiled = _speedups.compiled is not None
    assert kinds == {"streaminstr_speedups" if compiled else "streaminstr._core.step"}


def test_both_distributions_have_one_version():
    main = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "speedups" / "pyproject.toml").read_text()
    speedups = tomllib.loads(text)["project"]
    assert main["optional-dependencies"]["speedups"] == [f"streaminstr-speedups=={VERSION}"]
    assert speedups["version"] == VERSION
    assert speedups["dependencies"] == [f"streaminstr=={VERSION}"]
    assert re.findall(r'"VERSION", \'"(.*?)"\'', text) == [VERSION]


def test_a_loop_in_c_over_a_body_in_c_leaves_other_threads_and_signals_a_turn(backend):
    """`list` over `repeat` runs no code of Python's but the step."""
    made = streaminstr.stream(itertools.repeat(b"one"), name="endless")
    closer = threading.Timer(0.05, made.close)
    closer.start()
    assert set(made) == {b"one"}
    closer.join()
    assert backend.closed[0].outcome == "cancelled"


@pytest.mark.skipif("PYTEST_XDIST_WORKER" in os.environ, reason="signals are the main thread's")
@pytest.mark.filterwarnings("ignore:stream .* was dropped:ResourceWarning")
def test_a_signal_ends_such_a_loop(backend):
    before = signal.signal(signal.SIGUSR2, signal.default_int_handler)
    try:
        sender = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR2))
        sender.start()
        with pytest.raises(KeyboardInterrupt):
            set(streaminstr.stream(itertools.repeat(b"one"), name="endless"))
        sender.join()
    finally:
        signal.signal(signal.SIGUSR2, before)
    # An interrupt between two steps ends the loop alone, and the stream is dropped.
    assert backend.closed[0].outcome in ("cancelled", "abandoned")
