"""Three streamed responses, and the page that shows them."""

from pathlib import Path

from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chat import bodies
from streaminstr.django.decorators import stream_scope

README = Path(__file__).parents[1] / "README.md"
MOST_DAYS = 10_000


@require_safe
def index(request):
    """The page."""
    return render(request, "chat.html")


@require_safe
@never_cache
def answer(request):
    """An answer to the question in `q`, as server-sent events."""
    question = request.GET.get("q", "")[:200]
    body = bodies.aevents if isinstance(request, ASGIRequest) else bodies.events
    response = StreamingHttpResponse(body(question), content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"  # nginx passes each event on
    return response


@require_safe
@stream_scope(attributes={"chat.format": "csv"})
def export(request):
    """What was asked, day by day, as CSV."""
    days = request.GET.get("days", "365")
    days = min(int(days), MOST_DAYS) if days.isdecimal() else 365
    body = bodies.arows if isinstance(request, ASGIRequest) else bodies.rows
    headers = {"Content-Disposition": 'attachment; filename="questions.csv"'}
    return StreamingHttpResponse(body(days), content_type="text/csv", headers=headers)


@require_safe
def download(request):  # noqa: ARG001 - a view
    """A file, which a WSGI server may send by itself."""
    return FileResponse(README.open("rb"), as_attachment=True, content_type="text/markdown")
