"""A body that uses its stream works where there is none: off is off, and breaks no response."""

from collections.abc import AsyncIterator, Iterator

import pytest
from django.http import StreamingHttpResponse
from django.test import override_settings

from django_by_hand import Asgi, Wsgi
from documents import function_of
from streaminstr import current_stream
from streaminstr.django.decorators import stream_scope

orders = function_of("README.md", "orders", current_stream=current_stream, Iterator=Iterator)
OFF = {
    "no backend": {"BACKEND": None},
    "a filter": {"BACKEND": "log", "FILTER": lambda request, response: False},
}


async def async_orders() -> AsyncIterator[bytes]:
    for order in orders():
        yield order


@pytest.mark.parametrize("how", OFF)
def test_the_body_of_the_readme_works_where_a_setting_turns_it_off(how, answer):
    answer(lambda: StreamingHttpResponse(orders()))
    with override_settings(STREAMINSTR=OFF[how]):
        response = Wsgi()
        assert (response.status, response.read()) == ("200 OK", b"order\n" * 3)


@pytest.mark.parametrize("how", OFF)
async def test_so_does_an_async_one(how, answer):
    answer(lambda: StreamingHttpResponse(async_orders()))
    with override_settings(STREAMINSTR=OFF[how]):
        response = Asgi()
        await response.run()
    assert response.body == b"order\n" * 3


def test_so_it_does_where_the_view_is_left_out(answer):
    left_out = stream_scope(enabled=False)

    def view(request):
        return left_out(lambda request: StreamingHttpResponse(orders()))(request)

    answer(view)
    assert Wsgi().read() == b"order\n" * 3
