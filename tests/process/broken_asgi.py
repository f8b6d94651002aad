"""Serves the page that stands in for an application that cannot be loaded."""

from __future__ import annotations

from tricorn.config import Config
from tricorn.errors import AppError
from tricorn.worker.broken import broken_app
from tricorn.worker.loader import load

try:
    load(Config.make(app="tests.process.broken_code:app").app)
except AppError as error:
    app = broken_app(error)
