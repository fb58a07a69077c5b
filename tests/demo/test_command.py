"""The command line as such."""

import pytest

import streaminstr
from command_runs import run
from streaminstr.__main__ import main


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.startswith(f"streaminstr {streaminstr.__version__} (steps: ")


@pytest.mark.parametrize("arguments", [[], ["sing"], ["demo", "--loud"]])
def test_a_wrong_command_line_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: streaminstr" in capsys.readouterr().err


@pytest.mark.parametrize(("near_miss", "meant"), [("dmeo", "demo"), ("backend", "backends")])
def test_a_near_miss_is_answered_with_the_command_that_was_meant(near_miss, meant, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([near_miss])
    assert f"Did you mean {meant!r}?" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["sing"], ["demo", "--loud"]])
def test_what_is_not_near_any_command_is_answered_without_a_guess(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "Did you mean" not in capsys.readouterr().err


def test_python_m_streaminstr_is_the_command():
    assert run("--version").stdout.startswith(f"streaminstr {streaminstr.__version__} (steps: ")


def test_a_configuration_that_cannot_work_exits_with_2_and_one_line(capsys):
    assert main(["backends", "--backend", "nope"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("streaminstr: No backend is called 'nope'")
    assert error.count("\n") == 1
