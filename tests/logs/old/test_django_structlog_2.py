"""The real django-structlog 2.2, the last of the thread-local mode: nox -s old_structlog."""

import asyncio
from importlib.metadata import version

import pytest
import structlog

import log_site
from log_lines import in_mode, line, lines, values
from log_site import in_thread

pytestmark = pytest.mark.filterwarnings("ignore:`structlog.threadlocal` is dep:DeprecationWarning")

FOUND = ("request_id", "foo")


@pytest.fixture(autouse=True)
def finished(vendor):
    """Django with the old middleware; gives the ids of its spans."""
    backend, ids = vendor
    in_mode("wrap_dict")
    with log_site.site([log_site.DJANGO_STRUCTLOG], BACKEND=backend):
        yield ids


def ids_on(found, finished):
    """For each line, which of the finished spans has its ids."""
    spans = finished()
    return [[i for i, ids in enumerate(spans) if each | ids == each] for each in found]


def clean(event):
    found = lines(event)
    return bool(found) and not any({"request_id", *FOUND} & each.keys() for each in found)


def test_this_is_the_old_one():
    assert version("django-structlog").startswith("2.2.")


def test_each_line_of_a_body_by_wsgi_has_its_request_and_its_span(finished):
    log_site.by_wsgi("/undecorated/", **{"x-request-id": "r1"})
    assert values("Yielding...", *FOUND) == [("r1", "bar")] * 3
    assert ids_on(lines("Yielding...") + lines("stream_closed"), finished) == [[0]] * 4
    assert clean("between")
    assert clean("afterwards")


@pytest.mark.parametrize("url", ["/undecorated/", "/async/"])
async def test_each_line_of_a_body_by_asgi_has_its_request_and_its_span(finished, url):
    await log_site.by_asgi(url, **{"x-request-id": "r1"})
    assert values("Yielding...", *FOUND) == [("r1", "bar")] * 3
    assert ids_on(lines("Yielding...") + lines("stream_closed"), finished) == [[0]] * 4
    assert clean("between")
    assert clean("afterwards")


def test_each_step_on_a_thread_of_its_own_has_them_and_leaves_the_thread_clean(finished):
    log_site.by_hops("r1")
    assert values("Yielding...", *FOUND) == [("r1", "bar")] * 3
    assert ids_on(lines("Yielding..."), finished) == [[0]] * 3
    assert clean("between")


def test_two_responses_that_take_turns_on_one_thread_never_swap(finished):
    log_site.by_turns("r1", "r2")
    assert values("Yielding...", *FOUND) == [("r1", "bar"), ("r2", "bar")] * 3
    assert ids_on(lines("Yielding..."), finished) == [[0], [1]] * 3
    assert clean("between")


async def test_two_responses_at_once_by_asgi_never_swap(finished):
    both = (log_site.by_asgi("/undecorated/", **{"x-request-id": name}) for name in ("r1", "r2"))
    await asyncio.gather(*both)
    spans = {
        (each["request_id"], *owner)
        for each, owner in zip(
            lines("Yielding..."), ids_on(lines("Yielding..."), finished), strict=True
        )
    }
    assert {name for name, _ in spans} == {"r1", "r2"}
    assert len(spans) == 2
    assert clean("between")


def test_the_next_request_of_the_thread_has_its_own_alone():
    def two_requests():
        log_site.by_wsgi("/undecorated/", **{"x-request-id": "r1"})
        structlog.get_logger().info("idle")
        log_site.by_wsgi("/plain/", **{"x-request-id": "r2"})

    in_thread(two_requests)
    assert clean("idle")
    assert line("view").keys() == {"event", "log_level", "request_id", "ip"}
    assert line("view")["request_id"] == "r2"
