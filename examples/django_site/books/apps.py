"""The application that Django loads."""

from __future__ import annotations

from django.apps import AppConfig


class BooksConfig(AppConfig):
    """Names the application."""

    name = "books"
