"""A site as people have it: it says which backends, and nothing of how the vendors are set up."""

import os

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["streaminstr.django"]
MIDDLEWARE = ["streaminstr.django.middleware.StreamScopeMiddleware"]
ROOT_URLCONF = __name__
SECRET_KEY = "not one"  # noqa: S105 - of a test's site
STREAMINSTR = {"BACKEND": os.environ.get("SHOP_BACKEND", "log").split(",")}


def export(request, count):
    return StreamingHttpResponse(f"{number}\n" for number in range(count))


urlpatterns = [
    path("plain", lambda _: HttpResponse("plain")),
    path("export/<int:count>/", export),
]
