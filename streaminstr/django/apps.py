"""The Django app: brings in the settings and registers the checks."""

from __future__ import annotations

from django.apps import AppConfig

from streaminstr import StreaminstrError, _configure
from streaminstr._calls.guard import guarded
from streaminstr.django import conf


class StreaminstrConfig(AppConfig):
    """Add "streaminstr.django" to INSTALLED_APPS."""

    name = "streaminstr.django"
    label = "streaminstr"
    verbose_name = "streaminstr"

    def ready(self) -> None:
        from streaminstr.django import checks  # noqa: PLC0415 - registered when the app is loaded

        conf.adopt()
        checks.register()
        if guarded(_drains, default=False):
            _configure.watch()


def _drains() -> bool:
    """Whether DRAIN is set. The checks and the middleware say what is wrong with the settings."""
    try:
        return _configure.configured().drain is not None
    except StreaminstrError:
        return False
