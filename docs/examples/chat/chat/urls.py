"""Addresses."""

from django.urls import path

from chat import views
from streaminstr.django.views import live, ready

urlpatterns = [
    path("", views.index),
    path("answer/", views.answer),
    path("export/", views.export),
    path("download/", views.download),
    path("health/ready/", ready),
    path("health/live/", live),
]
