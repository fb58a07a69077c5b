"""What Django keeps in asgiref Locals is there in each step and in the clean-up."""

import pytest

from real_check import check
from real_django import Django
from real_local import LOCALE, async_lines, lines

READ_WHOLE = pytest.mark.parametrize("ending", ["full", "fails"])
HERE = b"Montag Asia/Tokyo /app/stream/full\n"


def site(body, net, protocol):
    options = {
        "asgi": {"root_path": "/app", "headers": [(b"accept-language", b"de")]},
        "wsgi": {"SCRIPT_NAME": "/app", "HTTP_ACCEPT_LANGUAGE": "de"},
    }
    return Django(
        body,
        net=net,
        protocol=protocol,
        sync_view=body is lines,
        middleware=LOCALE,
        options=options[protocol],
        settings={"USE_I18N": True, "USE_TZ": True},
    )


def test_a_sync_body(wsgi_ending, net):
    plain, _ = check(site(lines, net, "wsgi"), wsgi_ending)
    assert set(plain.seen.body.splitlines(keepends=True)) == {HERE}


def test_an_async_body(ending, net):
    plain, _ = check(site(async_lines, net, "asgi"), ending)
    assert set(plain.seen.body.splitlines(keepends=True)) == {HERE}


@READ_WHOLE
def test_a_sync_body_of_an_async_server(ending, net):
    check(site(lines, net, "asgi"), ending)


@READ_WHOLE
def test_an_async_body_of_a_sync_server(ending, net):
    check(site(async_lines, net, "wsgi"), ending)
