"""What Django loads where "streaminstr" is listed as an app. The app is "streaminstr.django"."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core import checks


class ListedByMistake(AppConfig):
    """Says what to list."""

    name = "streaminstr"
    label = "streaminstr_package"

    def ready(self) -> None:
        checks.register(check_app, "streaminstr")


def check_app(**_: Any) -> list[checks.CheckMessage]:
    """E008: the package is listed in place of the app."""
    return [
        checks.Error(
            'INSTALLED_APPS lists "streaminstr", which is no app: nothing of it has an effect.',
            hint='Write "streaminstr.django".',
            id="streaminstr.E008",
        )
    ]
