"""Bodies that read Django's users while the response is sent."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from real_spans import note

WHITENOISE = ("whitenoise.middleware.WhiteNoiseMiddleware",)
"""A middleware that knows nothing of async."""


async def async_rows(turn):
    """By the ORM's async iteration."""
    try:
        async for user in User.objects.order_by("pk"):
            note(user.username)
            yield f"{user.username}\n"
            await turn.anext()
    finally:
        note("cleaned up")


async def rows_in_threads(turn):
    """One query for each row, by `sync_to_async`."""
    try:
        for number in range(4):
            yield await sync_to_async(_name)(number)
            await turn.anext()
    finally:
        note(await sync_to_async(_name)(0))


def _name(number):
    user = User.objects.order_by("pk")[number]
    note(user.username)
    return f"{user.username}\n"


def rows(turn):
    """By `.iterator()`."""
    try:
        for user in User.objects.order_by("pk").iterator(chunk_size=1):
            note(user.username)
            yield f"{user.username}\n"
            turn.next()
    finally:
        note("cleaned up")
