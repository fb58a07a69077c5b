"""The two files of the page, served by views of its own.

django.contrib.staticfiles would need to be installed, its files to be collected, and its address to
be that of a place that the site's Content-Security-Policy allows. These views work in each project,
are of the site's own origin, and hold nothing that is secret.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

_FILES = Path(__file__).parents[1] / "assets"
_A_DAY = 24 * 60 * 60


def _asset(name: str, content_type: str) -> Any:
    content = (_FILES / name).read_bytes()

    @cache_control(public=True, max_age=_A_DAY)
    def asset(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view
        headers = {"X-Content-Type-Options": "nosniff"}
        return HttpResponse(content, content_type=content_type, headers=headers)

    view: Callable[..., HttpResponse] = require_safe(asset)
    return login_not_required(transaction.non_atomic_requests(view))


css = _asset("page.css", "text/css; charset=utf-8")
script = _asset("page.js", "text/javascript; charset=utf-8")
VERSION = sha256(b"".join(sorted(path.read_bytes() for path in _FILES.iterdir()))).hexdigest()[:12]
"""Stands in the addresses of the files, so that a browser asks for them after each upgrade."""
