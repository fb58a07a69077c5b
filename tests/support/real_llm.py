"""The OpenAI and Anthropic clients, their answers streamed by a local upstream."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import anthropic
import openai

from real_spans import note
from real_upstream import TLS


def text_of(item):
    """The words of a chunk of OpenAI's, or of an event of Anthropic's."""
    if hasattr(item, "choices"):
        return item.choices[0].delta.content
    return getattr(getattr(item, "delta", None), "text", f"{item.type} ")


def _openai(client, ending):
    return client.chat.completions.create(model=ending, messages=[], stream=True)


def _anthropic(client, ending):
    return client.messages.create(model=ending, messages=[], max_tokens=9, stream=True)


CLIENTS = {
    "openai": (openai, openai.OpenAI, openai.AsyncOpenAI, "/v1", _openai),
    "anthropic": (anthropic, anthropic.Anthropic, anthropic.AsyncAnthropic, "", _anthropic),
}


@dataclass
class Answers:
    """Makes bodies; keeps clients and answers, so that no garbage collector closes them."""

    upstream: object
    name: str
    held: list = field(default_factory=list)
    left: list = field(default_factory=list)
    """After each visit, how many clients were left on the upstream."""
    closed: list = field(default_factory=list)
    """After each visit, whether the responses were closed."""

    def _client(self, *, is_async):
        sdk, sync, asynchronous, path, self._ask = CLIENTS[self.name]
        kind = asynchronous if is_async else sync
        url = self.upstream.url + path
        http = sdk.DefaultAsyncHttpxClient if is_async else sdk.DefaultHttpxClient
        return kind(base_url=url, api_key="none", max_retries=0, http_client=http(verify=TLS))

    async def answer(self, turn):
        client = self._client(is_async=True)
        answer = await self._ask(client, turn.ending)
        self.held.append((client, answer))
        return answer

    def sync_answer(self, turn):
        client = self._client(is_async=False)
        answer = self._ask(client, turn.ending)
        self.held.append((client, answer))
        return answer

    async def words(self, turn):
        try:
            async with await self.answer(turn) as answer:
                async for item in answer:
                    note(text_of(item))
                    yield text_of(item)
        finally:
            note(f"closed: {answer.response.is_closed}")

    def sync_words(self, turn):
        try:
            with self.sync_answer(turn) as answer:
                for item in answer:
                    note(text_of(item))
                    yield text_of(item)
        finally:
            note(f"closed: {answer.response.is_closed}")

    async def after(self):
        self.left.append(await asyncio.to_thread(self.upstream.still_there))
        self.closed.append(all(answer.response.is_closed for _, answer in self.held))
        for client, answer in self.held:
            await answer.close()
            await client.close()
        self.held.clear()

    def after_sync(self):
        self.left.append(self.upstream.still_there())
        self.closed.append(all(answer.response.is_closed for _, answer in self.held))
        for client, answer in self.held:
            answer.close()
            client.close()
        self.held.clear()
