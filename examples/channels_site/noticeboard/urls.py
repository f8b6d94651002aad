"""The addresses of the pages; those of the WebSockets are in asgi.py."""

from __future__ import annotations

from django.urls import path

from noticeboard import views

urlpatterns = [
    path("login/", views.login),
    path("boards/<slug:board>/pin/", views.pin),
]
