"""A server to stream from: plain lines, and the event streams of OpenAI and Anthropic.

The ending is the last part of the path, or the `model` of a request for a completion:
`full` four chunks; `fails` breaks off after two; `waits` two, and then nothing until the client
has gone; any other three, and then nothing.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time

PATIENCE = 1.0
"""Seconds in which a client that closes its connection is seen to go."""
CHUNKS = {"full": 4, "fails": 2, "waits": 2}
TLS = ssl.create_default_context()
"""For the clients, which do not use it. To make one takes longer than a visit."""
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n"


class Upstream:
    """The server, in a thread with an event loop of its own."""

    def __init__(self):
        self.clients = 0
        """How many clients wait for more."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *exc_info):
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _stop(self):
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def still_there(self):
        """How many clients have not gone, after some patience with them."""
        deadline = time.monotonic() + PATIENCE
        while self.clients and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.clients

    async def _serve(self, reader, writer):
        try:
            while request := await _request(reader):
                await self._answer(*request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, path, ending, reader, writer):
        kind, chunks = _chunks(path)
        writer.write(HEAD.format(kind).encode())
        for chunk in chunks[: CHUNKS.get(ending, 3)]:
            writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            await writer.drain()
        if ending == "full":
            rest = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks[4:])
            writer.write(rest + b"0\r\n\r\n")
        elif ending == "fails":
            writer.close()
        else:
            await self._wait_until_gone(reader)

    async def _wait_until_gone(self, reader):
        self.clients += 1
        try:
            await reader.read()
        finally:
            self.clients -= 1


async def _request(reader):
    """Path and ending of the next request, None where there is none."""
    head = await reader.readuntil(b"\r\n\r\n")
    path = head.split()[1].decode()
    lines = (line.partition(":") for line in head.decode().lower().split("\r\n"))
    headers = {name: value.strip() for name, _, value in lines}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    ending = json.loads(body)["model"] if body else path.rpartition("/")[2]
    return path, ending


def _chunks(path):
    """The content type and the chunks: four, and what may be needed to end well."""
    if path.endswith("/chat/completions"):
        return "text/event-stream", [*map(_openai, range(4)), b"data: [DONE]\n\n"]
    if path.endswith("/messages"):
        ends = [("content_block_stop", {"index": 0}), ("message_stop", {})]
        events = [*_anthropic(), *(_event(name, **data) for name, data in ends)]
        return "text/event-stream", events
    return "text/plain", [b"line %d\n" % number for number in range(4)]


def _openai(number):
    choice = {"index": 0, "delta": {"content": f"word {number} "}, "finish_reason": None}
    about = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
    return b"data: %s\n\n" % json.dumps({**about, "choices": [choice]}).encode()


def _anthropic():
    message = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    yield _event("message_start", message=message)
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for number in range(2):
        delta = {"type": "text_delta", "text": f"word {number} "}
        yield _event("content_block_delta", index=0, delta=delta)


def _event(name, **data):
    line = json.dumps({"type": name, **data})
    return f"event: {name}\ndata: {line}\n\n".encode()
