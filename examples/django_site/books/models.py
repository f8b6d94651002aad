"""What the library keeps."""

from __future__ import annotations

from django.db import models


class Book(models.Model):
    """One book on the shelf."""

    title: models.CharField[str, str] = models.CharField(max_length=80)
    author: models.CharField[str, str] = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"{self.title} by {self.author}"
