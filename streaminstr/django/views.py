"""Views for the health probes of an orchestrator or a load balancer.

They use no database, even with ATOMIC_REQUESTS, and are never cached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from streaminstr import _stopping
from streaminstr.django._limit import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


def _probe(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    probe: Any = transaction.non_atomic_requests(require_safe(never_cache(view)))
    return login_not_required(probe)  # type: ignore[no-any-return]


@_probe
def ready(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view
    """Whether this process accepts new requests: 200, and 503 once a drain has begun."""
    if _stopping.draining:
        return Unavailable("draining")
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")


@_probe
def live(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view
    """Whether this process can answer: always 200."""
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")
