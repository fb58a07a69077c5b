"""The line that installs what is missing: for this interpreter, from where the library came."""

import json
import sys

import pytest

from streaminstr import _install as install
from streaminstr._install import install_line


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Run in an empty folder, by its own interpreter, with what pip has noted."""

    def installed(noted):
        class Distribution:
            def read_text(self, name):
                assert name == "direct_url.json"
                return noted and json.dumps(noted)

        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
        monkeypatch.setattr(install, "distribution", lambda _: Distribution())

    return installed


def test_from_an_index_it_is_the_name(installed):
    installed(None)
    line = install_line("streaminstr[demo]", "opentelemetry-sdk")
    assert line == '.venv/bin/python -m pip install "streaminstr[demo]" "opentelemetry-sdk"'


def test_from_a_clone_that_one_is_in_it_is_the_folder(installed, tmp_path):
    installed({"url": tmp_path.as_uri(), "dir_info": {"editable": True}})
    assert install_line("streaminstr[demo]").endswith(' install ".[demo]"')


def test_from_a_folder_elsewhere_it_is_the_whole_path(installed):
    installed({"url": "file:///srv/a%20clone", "dir_info": {}})
    assert install_line("streaminstr[demo]").endswith(' install "/srv/a clone[demo]"')


def test_from_a_wheel_it_is_the_name(installed):
    installed({"url": "file:///srv/streaminstr.whl", "archive_info": {}})
    assert install_line("streaminstr[demo]").endswith(' install "streaminstr[demo]"')


def test_an_interpreter_elsewhere_is_named_in_full(installed, monkeypatch):
    installed(None)
    monkeypatch.setattr(sys, "executable", "/opt/my python/bin/python")
    assert install_line("x") == "'/opt/my python/bin/python' -m pip install \"x\""


@pytest.mark.parametrize("executable", ["/usr/bin/uwsgi", "", None])
def test_a_server_that_embeds_the_interpreter_leads_to_the_one_of_the_shell(
    installed, monkeypatch, executable
):
    installed(None)
    monkeypatch.setattr(sys, "executable", executable)
    assert install_line("x") == 'python -m pip install "x"'
