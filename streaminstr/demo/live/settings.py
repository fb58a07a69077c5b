"""Django's settings of the live demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from streaminstr.demo.site import site_settings

if TYPE_CHECKING:
    from streaminstr.demo.spans import Recorder

STAFF = "staff"
"""The name of the one user."""


_CONTRIB = "django.contrib"
_PEOPLE = (
    f"{_CONTRIB}.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    f"{_CONTRIB}.auth.middleware.AuthenticationMiddleware",
)
_TEMPLATES = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [Path(__file__).with_name("templates")],
}


def live_settings(recorder: Recorder, folder: Path) -> dict[str, Any]:
    """Django's settings, for each process of the demo: what they share is in `folder`."""
    demo = site_settings(recorder)
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "demo.sqlite3"}
    people = [f"{_CONTRIB}.{name}" for name in ("contenttypes", "auth", "sessions")]
    return {
        **demo,
        "DATABASES": {"default": database},
        "INSTALLED_APPS": [*people, *demo["INSTALLED_APPS"]],
        "LOGIN_REDIRECT_URL": "/streams/",
        "LOGIN_URL": "/login/",
        "MIDDLEWARE": [*_PEOPLE, *demo["MIDDLEWARE"]],
        "ROOT_URLCONF": "streaminstr.demo.live.site",
        "SECRET_KEY": (folder / "key").read_text(),
        "STREAMINSTR": {**demo["STREAMINSTR"], "ROSTER": True},
        "TEMPLATES": [_TEMPLATES],
        "USE_TZ": True,
    }
