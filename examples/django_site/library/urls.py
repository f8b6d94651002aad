"""The addresses of the site."""

from __future__ import annotations

from books import views
from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("books/", views.index),
    path("slow/", views.slow),
    path("upload/", views.upload),
]
