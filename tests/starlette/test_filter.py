"""FILTER takes Starlette's own request and response; what it leaves out has no scope at all."""

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

import streaminstr
from server_by_hand import ByHand
from starlette_by_hand import site, visit
from streaminstr import _configure, _untaken, stream
from streaminstr.asgi import StreamScopeMiddleware
from streaminstr.testing import RecordingBackend
from yielding_by_hand import yielding

SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))
NETS = pytest.mark.parametrize(
    "net", [lambda app: app, StreamScopeMiddleware], ids=["alone", "net"]
)


async def numbers(request=None):
    yield b"1"


async def items():
    yield 1


class Asked(list):
    """A filter that notes what it is asked."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def __call__(self, request, response):
        assert isinstance(request, Request)
        assert isinstance(response, StreamingResponse)
        self.append((request.url.path, response.headers.get("content-type")))
        return self.answer


def force(choice, **options):
    return _configure.forced(_configure.build(choice, log_levels=SILENT, **options))


@NETS
@pytest.mark.parametrize("wanted", [True, False])
async def test_the_filter_of_all(wanted, net, backend):
    asked = Asked(wanted)
    with force(backend, filter=asked):
        server = await visit(net(site(numbers)))
    assert server.chunks == [b"1"]
    assert asked == [("/numbers/odd", None)]
    assert len(backend.closed) == wanted


@NETS
@pytest.mark.parametrize("wanted", [True, False])
async def test_the_filter_of_one_backend(wanted, net, backend):
    asked, some = Asked(wanted), RecordingBackend()
    with force([{"BACKEND": some, "FILTER": asked}, backend]):
        server = await visit(net(site(numbers)))
    assert server.chunks == [b"1"]
    assert (len(asked), len(some.closed), len(backend.closed)) == (1, wanted, 1)


@NETS
@pytest.mark.parametrize("wanted", [True, False])
async def test_an_endpoint_that_yields_is_asked_about_once(wanted, net, backend):
    asked = Asked(wanted)
    with force(backend, filter=asked):
        server = await visit(net(yielding(items)))
    assert server.chunks
    assert [kind.partition(";")[0] for _, kind in asked] == ["text/event-stream"]
    assert len(backend.closed) == wanted


async def test_a_stream_that_the_endpoint_has_made_is_not_left_out(backend):
    with force(backend, filter=Asked(answer=False)):
        await visit(site(lambda request: stream(numbers())))
    assert len(backend.closed) == 1


async def test_a_trace_that_no_tracer_takes_up_is_said(backend, monkeypatch, caplog):
    monkeypatch.setattr(_untaken, "_state", _untaken._State())
    monkeypatch.setattr(RecordingBackend, "trace_id", lambda self: None, raising=False)
    await visit(site(numbers), headers=[(b"traceparent", b"00-1-2-01")])
    assert "A request has the header `traceparent`" in caplog.text


async def test_the_net_asks_no_filter(backend):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        await send({"type": "http.response.body", "body": b"2"})

    asked = Asked(answer=False)
    with force({"BACKEND": backend, "FILTER": asked}, filter=asked):
        await ByHand("/").call(StreamScopeMiddleware(app))
    assert (asked, len(backend.closed)) == ([], 1)


async def test_a_paused_response_is_not_touched(backend, monkeypatch):
    monkeypatch.setattr(_configure._state, "paused", None)
    made = []

    def respond(request):
        made.append(StreamingResponse(numbers()))
        return made[0]

    streaminstr.pause()
    await visit(site(respond))
    assert backend.streams == []
    assert made[0].body_iterator.__name__ == "numbers"
