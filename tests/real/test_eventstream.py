"""django-eventstream, whose endless body waits for events, alone and behind WhiteNoise."""

import pytest
from django.urls import include, path
from django_eventstream.views import get_listener_manager

from real_check import check
from real_django import Django
from real_eventstream import once_open
from real_rows import WHITENOISE

URLS = (path("events/<channel>/", include("django_eventstream.urls")),)
SETTINGS = {"EVENTSTREAM_CHANNELMANAGER_CLASS": "real_eventstream.Doors"}
SECOND = {"full": b"forbidden", "fails": b"forbidden", "waits": b"hello", "sends": b"hello"}


@pytest.mark.parametrize("middleware", [(), WHITENOISE], ids=["alone", "whitenoise"])
def test_no_listener_is_left(middleware, ending, net):
    site = Django(
        urls=URLS,
        path="/events/news/?channel=news",
        net=net,
        middleware=middleware,
        settings=SETTINGS,
        around=once_open(ending),
    )
    plain, _ = check(site, ending)
    assert SECOND[ending] in plain.seen.body
    assert not get_listener_manager().listeners_by_channel
