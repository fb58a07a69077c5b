"""The project's settings, and a model that does not wait."""

import os

import django
import pytest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
django.setup()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("chat.model.PAUSE", 0)
