"""What holds for every test."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """A shell lets background jobs ignore Ctrl-C, and so would each server that a test starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
