"""A Django site whose bodies raise, with the LOGGING of docs/reference/logging.md."""

import structlog
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils.decorators import sync_only_middleware

import documents
import streaminstr

PAGE = documents.ROOT / "docs/reference/logging.md"
SECTION = "## The server's own error record"


def logging_of_page():
    """The dict LOGGING that the page shows."""
    code = PAGE.read_text().partition(SECTION)[2].partition("```python\n")[2].partition("```")[0]
    names = {}
    exec(code, names)  # noqa: S102 - our own page
    return names["LOGGING"]


@sync_only_middleware
def bind_request_id(get_response):
    """As django-structlog does: bound while the view runs, and gone when the response is sent."""

    def answer(request):
        name = f"request-{request.GET.get('n')}"
        with structlog.contextvars.bound_contextvars(request_id=name):
            return get_response(request)

    return answer


def rows():
    yield b"row\n"
    raise ValueError("no price")  # noqa: EM101, TRY003 - a site's own


async def async_rows():
    for row in rows():
        yield row


def export(request):
    return StreamingHttpResponse(rows())


def early(request):
    """It fails before its first chunk is sent, and is answered 500 by Django."""
    body = iter(())
    return StreamingHttpResponse(streaminstr.stream(map(int, [*body, "x"]), name="early").prime())


async def async_export(request):
    return StreamingHttpResponse(async_rows())


settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["streaminstr.django"],
    LOGGING=logging_of_page(),
    MIDDLEWARE=[
        "raised_site.bind_request_id",
        "streaminstr.django.middleware.StreamScopeMiddleware",
    ],
    ROOT_URLCONF=(
        path("plain", lambda request: HttpResponse("up")),
        path("sync/export", export),
        path("sync/early", early),
        path("async/export", async_export),
    ),
    SECRET_KEY="not a secret",  # noqa: S106
)
structlog.configure(
    [structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()],
)
wsgi, asgi = get_wsgi_application(), get_asgi_application()
