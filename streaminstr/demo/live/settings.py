"""Django's settings of the live demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from streaminstr.demo.site import site_settings

if TYPE_CHECKING:
    from streaminstr.demo.spans import Recorder

STAFF = "staff"
"""The name of the one user."""


def live_settings(recorder: Recorder, folder: Path) -> dict[str, Any]:
    """Django's settings, for each process of the demo: what they share is in `folder`."""
    demo = site_settings(recorder)
    contrib = "django.contrib"
    return {
        **demo,
        "DATABASES": {
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "demo.sqlite3"}
        },
        "INSTALLED_APPS": [
            *(f"{contrib}.{name}" for name in ("contenttypes", "auth", "sessions")),
            *demo["INSTALLED_APPS"],
        ],
        "LOGIN_REDIRECT_URL": "/streams/",
        "LOGIN_URL": "/login/",
        "MIDDLEWARE": [
            f"{contrib}.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            f"{contrib}.auth.middleware.AuthenticationMiddleware",
            *demo["MIDDLEWARE"],
        ],
        "ROOT_URLCONF": "streaminstr.demo.live.site",
        "SECRET_KEY": (folder / "key").read_text(),
        "STREAMINSTR": {**demo["STREAMINSTR"], "ROSTER": True},
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [Path(__file__).with_name("templates")],
            }
        ],
        "USE_TZ": True,
    }
