"""Books in the admin."""

from __future__ import annotations

from django.contrib import admin

from books.models import Book


@admin.register(Book)
class BookAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Lists both columns."""

    list_display = ("title", "author")
