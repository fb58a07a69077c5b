"""What Django keeps in asgiref Locals for a request: language, time zone, script prefix."""

from __future__ import annotations

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from real_spans import note

LOCALE = ("django.middleware.locale.LocaleMiddleware", "real_local.Tokyo")


class Tokyo:
    """Middleware: all requests come from Tokyo."""

    async_capable = sync_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        timezone.activate("Asia/Tokyo")
        return self.get_response(request)


def place():
    zone = timezone.get_current_timezone_name()
    return f"{gettext('Monday')} {zone} {reverse('stream', args=['full'])}\n"


def lines(turn):
    try:
        for _ in range(3):
            note(place())
            yield place()
            turn.next()
    finally:
        note(place())


async def async_lines(turn):
    try:
        for _ in range(3):
            note(place())
            yield place()
            await turn.anext()
    finally:
        note(place())
