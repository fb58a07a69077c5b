"""`open_streams()` of Django's responses: the route and never the path, the line of the view."""

import asyncio

from django.http import StreamingHttpResponse

from django_by_hand import Asgi, Wsgi
from streaminstr import open_streams

SECRET = "s3cret-t0ken"  # noqa: S105 - what must not be seen


def only():
    (one,) = open_streams()
    return one


def test_under_wsgi(answer):
    def rows():
        token = SECRET
        yield b"one"
        yield token

    answer(lambda: StreamingHttpResponse(rows(), headers={"Set-Cookie": SECRET}))
    query = {"QUERY_STRING": f"token={SECRET}", "HTTP_COOKIE": f"sessionid={SECRET}"}
    visit = Wsgi("/orders/48151623/", **query)
    steps = iter(visit.body)
    next(steps)
    one = only()
    assert (one.route, one.method, one.turn) == ("orders/<int:pk>/", "GET", "consumer")
    assert one.name == "GET orders/<int:pk>/"
    assert [text.rpartition(" ")[2] for text in one.waits] == ["rows"]
    assert SECRET not in repr(one)
    assert "48151623" not in repr(one)
    assert [*steps] == [SECRET.encode()]
    visit.close()


async def test_under_asgi(answer):
    seen, go_on = [], asyncio.Event()

    async def query():
        await go_on.wait()

    async def rows():
        yield b"one"
        await query()

    def sending(message):
        if message.get("body") == b"one":
            asyncio.get_running_loop().call_later(0, look)

    def look():
        one = only()
        if one.turn == "producer":
            seen.append(one)
            go_on.set()
        else:  # pragma: no cover - the body is slower than the loop
            asyncio.get_running_loop().call_later(0, look)

    answer(lambda: StreamingHttpResponse(rows()))
    visit = Asgi()
    visit.sending = sending
    await visit.run()
    assert [text.rpartition(" ")[2] for text in seen[0].waits] == ["rows", "query", "wait"]
    assert seen[0].waits_at.endswith(" query")
