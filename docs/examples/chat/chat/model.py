"""A model that runs here, in place of one that has an account: it says what it was asked.

`answer` and `aanswer` do what a client of a real model does: they yield tokens, one at a time. A
question with the word "fail" in it breaks off with an error, one with "stop" ends in the middle.
"""

import asyncio
import time

PAUSE = 0.05
"""Seconds between two tokens."""
BREAKS_AFTER = 3
"""Tokens that come before an answer breaks off."""


class ModelError(Exception):
    """The model is overloaded."""


def _tokens(question):
    words = f"You asked: {question}. I am only an example, so that is my whole answer.".split()
    for number, word in enumerate(words):
        if number >= BREAKS_AFTER and "fail" in question:
            msg = "the model is overloaded"
            raise ModelError(msg)
        if number >= BREAKS_AFTER and "stop" in question:
            return
        yield f"{word} "


def answer(question):
    """The tokens of an answer."""
    for token in _tokens(question):
        time.sleep(PAUSE)
        yield token


async def aanswer(question):
    """The same for async code."""
    for token in _tokens(question):
        await asyncio.sleep(PAUSE)
        yield token
