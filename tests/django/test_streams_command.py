"""`manage.py streams`: what `streaminstr top` is, under the settings of the site."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from roster_fakes import page, row
from streaminstr._process.directory import Directory
from streaminstr._process.page import encode


@pytest.fixture
def path(tmp_path):
    """A directory in which a process of another host has written."""
    store = Directory(tmp_path / "run")
    with store._made_if_missing() as folder:
        text = encode(page(row(1, name="orders.export", idle=60.0)))
        store._replace(folder, "00000000-7-7.json", text)
    return store.path


@pytest.fixture
def _site(path):
    with override_settings(STREAMINSTR={"ROSTER": {"DIR": str(path)}}):
        yield


def streams(*arguments):
    out = io.StringIO()
    call_command("streams", *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("_site")
def test_it_shows_the_table_of_the_site():
    assert "orders.export" in streams()


@pytest.mark.usefixtures("_site")
def test_its_exit_code_tells_of_a_stall():
    with pytest.raises(SystemExit, match="1"):
        streams("--fail-if-stalled", 30)


def test_without_the_setting_it_says_what_to_write():
    with (
        override_settings(STREAMINSTR={"BACKEND": "log"}),
        pytest.raises(CommandError, match="has no ROSTER") as raised,
    ):
        streams()
    assert raised.value.returncode == 2


def test_a_directory_may_be_named(path):
    (one,) = json.loads(streams("--json", "--dir", path))["rows"]
    assert one["name"] == "orders.export"


def test_it_may_come_from_log_lines(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text('{"event": "stream_opened", "streaminstr.stream_id": "abc"}\n')
    assert streams("--from", file).startswith("1 stream in 0 workers")
