"""Who may see the page: Django's own permissions, by its own decorators."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_protect

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

VIEW = "streaminstr.view_openstream"
CLOSE = "streaminstr.close_openstream"


def allowed(permission: str) -> Callable[[Callable[..., HttpResponse]], Any]:
    """Send an anonymous visitor to the login, and answer 403 without `permission`.

    Tokens are checked also where the site lists no middleware for it. The view has no transaction,
    so that it holds no database connection while it waits.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Any:
        checked = login_required(permission_required(permission, raise_exception=True)(view))
        private: Any = never_cache(xframe_options_deny(csrf_protect(_with_user(checked))))
        return transaction.non_atomic_requests(private)

    return decorate


def _with_user(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def answer(request: HttpRequest, **arguments: str) -> HttpResponse:
        if not hasattr(request, "user"):
            msg = (
                "The page of open streams has to know who asks: add "
                "'django.contrib.auth.middleware.AuthenticationMiddleware' to MIDDLEWARE."
            )
            raise ImproperlyConfigured(msg)
        return view(request, **arguments)

    return answer
