"""The page of a process without ROSTER: its own streams, as they are now."""

import pytest

import streaminstr
from page_roster import ID


@pytest.fixture
def stream():
    """An open stream, at its first chunk."""
    body = streaminstr.stream((chunk for chunk in (b"one", b"two")), name="orders.export")
    next(body)
    yield body
    body.close()


def id_of(text):
    return text.partition('id="s-')[2][:16]


@pytest.mark.usefixtures("stream")
def test_the_table_and_the_page_of_a_stream(visitor):
    text = visitor.get("/streams/?q=orders.export").content.decode()
    assert "This is <strong>one process</strong>" in text
    one = visitor.get(f"/streams/{id_of(text)}/").content.decode()
    assert "<h1>orders.export</h1>" in one
    assert "This is <strong>one process</strong>" in one


def test_the_button_asks_it_to_end_with_its_next_step(operator, stream, recorded):
    (row,) = [row for row in streaminstr.open_streams() if row.name == "orders.export"]
    answer = operator.post(f"/streams/{row.id}/close/", {"reason": "too long"})
    assert (answer.status_code, b"<h1>Asked to end</h1>" in answer.content) == (202, True)
    assert list(stream) == []
    assert recorded.started[0].report.close_reason == "too long"
    assert operator.post(f"/streams/{row.id}/close/").status_code == 404


@pytest.mark.usefixtures("stream")
async def test_under_asgi(async_visitor):
    answer = await async_visitor.get("/streams/")
    assert answer.status_code == 200
    text = answer.content.decode()
    assert (await async_visitor.get(f"/streams/{id_of(text)}/")).status_code == 200
    assert (await async_visitor.get(f"/streams/{ID}/")).status_code == 404
    assert (await async_visitor.post(f"/streams/{ID}/close/")).status_code == 403
