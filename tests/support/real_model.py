"""A server with OpenAI's API for streamed chats, and clients in place of the package `openai`.

The name of the model says how the answer ends: `breaks` loses the connection after two tokens,
`refuses` sends an error after two, `stops` ends well after two, any other answers whole. The
clients have as much of the package's form as docs/how-to/llm-stream.md uses; tests/real runs the
page with the package itself.
"""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

WORDS = ("Two ", "orders ", "are ", "open.")
END = object()


class Model:
    """The server, in threads of its own; `with` closes it."""

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        return self

    def __exit__(self, *exc_info):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ending = request["model"]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        cut = ending in ("breaks", "refuses", "stops")
        for word in WORDS[:2] if cut else WORDS:
            self.send(_chunk({"delta": {"content": word}, "finish_reason": None}))
        if ending == "refuses":
            self.send({"error": {"message": "the model is overloaded"}})
        elif not cut:
            self.send(_chunk({"delta": {}, "finish_reason": "stop"}))
            self.send(
                _chunk(usage={"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13})
            )
            self.send("[DONE]")
        if ending != "breaks":
            self.wfile.write(b"0\r\n\r\n")

    def send(self, data):
        text = data if isinstance(data, str) else json.dumps(data)
        event = f"data: {text}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))

    def log_message(self, *_):
        pass


def _chunk(*choices, usage=None):
    about = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "small-1"}
    listed = [{"index": 0, **choice} for choice in choices]
    return {**about, "choices": listed, "usage": usage}


class Delta(SimpleNamespace):
    """What a chunk of JSON holds; what is not there is None."""

    def __getattr__(self, name):
        return None


class APIError(Exception):
    """What the model says of its failure."""


class Answer:
    """A streamed answer: iterable, and closed by `with`."""

    def __init__(self, response):
        self.response = response

    def __iter__(self):
        for line in self._lines():
            if line.startswith(b"data: {"):
                chunk = json.loads(line[6:], object_hook=lambda names: Delta(**names))
                if chunk.error:
                    raise APIError(chunk.error.message)
                yield chunk

    def _lines(self):
        """The lines; to iterate over the response would hide that the connection is lost."""
        rest = b""
        while part := self.response.read1():
            *lines, rest = (rest + part).split(b"\n")
            yield from lines

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.response.close()


class OpenAI:
    """The sync client."""

    def __init__(self, *, base_url, api_key):
        self._url = f"{base_url}/chat/completions"
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    def _create(self, **request):
        body = json.dumps(request).encode()
        asked = urllib.request.Request(self._url, body, self._headers)  # noqa: S310 - on loopback
        return Answer(urllib.request.urlopen(asked, timeout=10))  # noqa: S310 - on loopback

    def close(self):
        pass


class AsyncAnswer:
    """The same to `async for` and `async with`."""

    def __init__(self, answer):
        self.answer = answer
        self.chunks = iter(answer)

    def __aiter__(self):
        return self

    async def __anext__(self):
        chunk = await asyncio.to_thread(next, self.chunks, END)
        if chunk is END:
            raise StopAsyncIteration
        return chunk

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc_info):
        await asyncio.to_thread(self.answer.__exit__)


class AsyncOpenAI(OpenAI):
    """The async client, by threads."""

    def __init__(self, **options):
        super().__init__(**options)
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create_later))

    async def _create_later(self, **request):
        return AsyncAnswer(await asyncio.to_thread(self._create, **request))

    async def close(self):
        pass
