"""Outside of a stream there is a handle too: falsy, and what a body does with it has no effect."""

from collections.abc import Iterator

import pytest

from core_fakes import by_hand
from documents import function_of
from streaminstr import _configure, current_stream, stream, streamed
from streaminstr.testing import RecordingBackend

orders = function_of("README.md", "orders", current_stream=current_stream, Iterator=Iterator)
ROWS = [b"order\n"] * 3


@pytest.fixture(params=["log", None, RecordingBackend()], ids=["log", "off", "recording"])
def config(request):
    with _configure.forced(_configure.build(request.param)) as active:
        yield active


def test_it_is_falsy():
    assert not current_stream()


def test_it_is_no_stream():
    assert (current_stream().id, current_stream().info.name) == ("", "")


def test_what_is_set_on_it_is_kept_nowhere():
    current_stream().set_attribute("shop.orders", 3)
    assert dict(current_stream().info.attributes) == {}


def test_the_body_of_the_readme_works_outside_of_a_stream(config):
    assert list(orders()) == ROWS


def test_the_body_of_the_readme_works_in_a_stream(config):
    assert list(stream(orders())) == ROWS


def test_it_works_where_a_decorator_makes_the_stream(config):
    assert list(streamed("orders")(orders)()) == ROWS


def test_a_body_that_is_passed_its_handle_works_with_any_backend(config):
    @streamed("orders", pass_stream=True)
    async def export(stream):
        stream.logger.info("cursor opened")
        stream.set_attribute("shop.orders", 3)
        return [bool(stream.id)]

    assert list(by_hand(export())) == [True]


def test_after_the_stream_it_is_back():
    list(stream(orders()))
    assert not current_stream()
