"""The page of open streams: `path("streams/", include("streaminstr.django.urls"))`."""

from __future__ import annotations

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.urls import path, re_path

from streaminstr.django.page import assets, views

if not apps.is_installed("django.contrib.auth"):
    _MISSING = (
        "The page of open streams asks for permissions: add 'django.contrib.auth' and "
        "'django.contrib.contenttypes' to INSTALLED_APPS, or take 'streaminstr.django.urls' out."
    )
    raise ImproperlyConfigured(_MISSING)

app_name = "streaminstr"
urlpatterns = [
    path("", views.table, name="table"),
    re_path("^(?P<stream_id>[0-9a-f]{16})/$", views.stream, name="stream"),
    re_path("^(?P<stream_id>[0-9a-f]{16})/close/$", views.close, name="close"),
    path("pause/", views.pause, name="pause"),
    path("resume/", views.resume, name="resume"),
    path("page.css", assets.css, name="css"),
    path("page.js", assets.script, name="script"),
]
