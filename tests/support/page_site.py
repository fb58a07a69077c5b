"""The addresses of a site with the page of open streams."""

from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("login/", lambda request: HttpResponse("Who are you?")),
    path("streams/", include("streaminstr.django.urls")),
]
