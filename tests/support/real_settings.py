"""Django's settings for these tests: all that a program does not say by itself."""

from __future__ import annotations

from importlib.util import find_spec

import django
from django.conf import settings

APPS = (
    *("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"),
    *("django_eventstream", "django_multitenant", "rest_framework", "silk"),
)
POSTGRES = {"HOST": "127.0.0.1", "USER": "postgres", "NAME": "postgres"}


def configure(*apps):
    """Set Django up with more applications; does nothing the second time."""
    if settings.configured:
        return
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3"},
            "postgres": {"ENGINE": "django_multitenant.backends.postgresql", **POSTGRES},
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[*filter(_is_installed, APPS), "streaminstr.django", *apps],
        LOGGING_CONFIG=None,
        REST_FRAMEWORK={"UNAUTHENTICATED_USER": None},
        SECRET_KEY="for tests",  # noqa: S106 - nothing is signed with it
        TENANT_USE_ASGIREF=True,
    )
    django.setup()


def _is_installed(app):
    """Some environments have less: `nox -s old_flask`."""
    return find_spec(app.partition(".")[0]) is not None
