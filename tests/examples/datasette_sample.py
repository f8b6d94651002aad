"""Datasette as it comes from PyPI, over the database that SAMPLE_DATABASE names."""

from __future__ import annotations

import os
from typing import Any

from datasette.app import Datasette  # type: ignore[import-untyped]


def make_app() -> Any:
    """The ASGI application Datasette itself would serve."""
    return Datasette(immutables=[os.environ["SAMPLE_DATABASE"]]).app()
