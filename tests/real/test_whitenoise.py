"""WhiteNoise, a middleware without async, outside of ours."""

import pytest

from real_check import check, compare
from real_django import Django
from real_rows import WHITENOISE, async_rows, rows_in_threads

BODIES = pytest.mark.parametrize("body", [async_rows, rows_in_threads])


@BODIES
def test_rows_read_asynchronously_are_sent_through_it(body, ending, net):
    check(Django(body, middleware=WHITENOISE, net=net), ending)


@BODIES
def test_rows_of_a_sync_view_are_sent_through_it(body, ending, net):
    check(Django(body, middleware=WHITENOISE, net=net, sync_view=True), ending)


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
def test_a_file_of_its_own_has_no_scope(protocol, net, tmp_path):
    (tmp_path / "site.css").write_text("body {}" * 30_000)
    more = {"STATIC_ROOT": str(tmp_path), "STATIC_URL": "/static/"}
    where = {"path": "/static/site.css", "settings": more, "middleware": WHITENOISE}
    _, ours = compare(Django(net=net, protocol=protocol, **where), "full")
    assert ours.recorder.streams == []
