"""A model for the permissions of the page of open streams. It has no table and no migration.

Django makes the permissions of a model with `migrate`, where django.contrib.auth is installed.
"""

from __future__ import annotations

from typing import Any

from django.db import models


class _Nothing(models.Manager[Any]):
    """Asks no database: `dumpdata` reads each model of each app, whether it is managed or not."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().none()


class OpenStream(models.Model):  # noqa: DJ008 - there is no instance to be shown
    """Carries the permissions `view_openstream` and `close_openstream`; has no rows."""

    id: models.CharField[str, str] = models.CharField(primary_key=True, max_length=16)

    objects = _Nothing()

    class Meta:  # noqa: D106 - Django's
        managed = False
        default_permissions = ("view",)
        permissions = (("close_openstream", "Can close open stream"),)
        base_manager_name = "objects"
