"""Renders a page: escaped, with the same number formats in each language, and with a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.template import Engine, RequestContext

from streaminstr.django.page import roster
from streaminstr.django.page.access import CLOSE
from streaminstr.django.page.assets import VERSION

if TYPE_CHECKING:
    from django.http import HttpRequest

POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self'; script-src 'self'; style-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
"""All that the page needs. A middleware may replace it by the policy of the site."""
_engine = Engine(app_dirs=True, autoescape=True)
"""Not the project's own, which may escape nothing, find no templates in apps, or be of Jinja2."""


def page(
    request: HttpRequest, name: str, shown: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The page `name`; the part that changes alone, where the script asks for it."""
    user: Any = request.user  # a project's own, with Django's permissions
    is_part = "part" in request.GET and request.method != "POST"
    template = _engine.get_template(f"streaminstr/{'part_' if is_part else ''}{name}.html")
    context = {
        "version": VERSION,
        "has_roster": roster.has_roster(),
        "may_close": user.has_perm(CLOSE),
        **shown,
    }
    # Numbers are in attributes, too, where no language has a comma.
    html = template.render(RequestContext(request, context, use_l10n=False))
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
    return HttpResponse(html, status=status, headers=headers)
