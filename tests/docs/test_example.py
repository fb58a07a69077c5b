"""The example project: its own tests, and the project on the servers that its README names."""

import importlib.util
import subprocess
import sys

import pytest

import example_chat

ALONE = ("-p", "no:cacheprovider", "-p", "no:ddtrace", "-p", "no:django", "-p", "no:xdist")


def test_its_own_tests_pass(tmp_path):
    done = subprocess.run(  # noqa: S603 - the project's tests
        [sys.executable, "-m", "pytest", "-q", *ALONE],
        cwd=example_chat.copy_to(tmp_path),
        env=example_chat.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("server", example_chat.COMMANDS)
def test_an_answer_is_streamed_and_its_end_is_logged(server, tmp_path):
    if importlib.util.find_spec(server) is None:
        pytest.skip(f"{server} is not installed: run `nox -s servers`")
    with example_chat.served(server, tmp_path) as site:
        events = list(site.events("why"))
        assert events[-1] == "data: [DONE]"
        assert len(events) > 10
        assert "completed" in site.closed("GET answer/")
        assert list(site.events("fail"))[-1].startswith('data: {"error"')
