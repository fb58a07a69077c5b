"""What is streamed: the bodies, apart from the views, so that they can be tested alone.

Each body has a sync and an async form, because Django reads a body of the other kind than its
handler to the end before it sends the first byte.
"""

import csv
import json
from datetime import date, timedelta

from asgiref.sync import sync_to_async

import streaminstr
from chat import model

DONE = "data: [DONE]\n\n"
HEADER = ("day", "questions", "tokens")


def _event(token):
    """One token as a server-sent event, counted on the stream."""
    stream = streaminstr.current_stream()
    stream.mark("first_token")  # the first call stands
    stream.add("chat.tokens", 1, rate=True)
    return f"data: {json.dumps({'token': token})}\n\n"


def _failure(error):
    """The last event of an answer that broke off: the status 200 has been sent long ago."""
    streaminstr.current_stream().fail(error)
    return f"event: failure\ndata: {json.dumps({'error': str(error)})}\n\n"


def events(question):
    """An answer as an event stream. The model's tokens are a stream of their own below it."""
    try:
        with streaminstr.stream(model.answer(question), name="model") as tokens:
            for token in tokens:
                yield _event(token)
    except model.ModelError as error:
        yield _failure(error)
        return
    if "stop" not in question:
        yield DONE


async def aevents(question):
    """The same for async handlers. It ends early where the server is about to stop."""
    stream = streaminstr.current_stream()
    try:
        async with streaminstr.stream(model.aanswer(question), name="model") as tokens:
            async for token in tokens:
                yield _event(token)
                if stream.stopping:
                    stream.logger.info("answer cut short by a deploy")
                    return
    except model.ModelError as error:
        yield _failure(error)
        return
    if "stop" not in question:
        yield DONE


class _Line:
    """What `csv.writer` takes for a file: it hands each line back."""

    def write(self, line):
        return line


def rows(days):
    """A CSV file, line by line."""
    writer = csv.writer(_Line())
    yield writer.writerow(HEADER)
    for number in range(days):
        day = date(2026, 1, 1) + timedelta(days=number)
        yield writer.writerow([day.isoformat(), 10 + number % 7, 150 + 13 * (number % 7)])
    streaminstr.current_stream().set_attribute("chat.days", days)


async def arows(days):
    """The same for async handlers: each line is made in a thread."""
    lines, end = rows(days), object()
    while (line := await sync_to_async(next)(lines, end)) is not end:
        yield line
