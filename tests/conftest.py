"""What holds for every test, and which of them run on both Pythons of ``make test``."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HALVES = {"first": ("asyncio", "wsgi-1"), "second": ("uvloop", "wsgi-4", "wsgi-8")}
"""Of the slow tests, each Python runs half of the kinds …"""
HALVED = ("process", "websocket")
"""… in these directories."""
ONCE = (
    "contract/test_table_tls.py",
    "contract/test_table_proxy.py",
    "contract/test_table_http2.py",
    "http2/test_floods.py",
    "http2/test_h2spec.py",
    "process/test_tls_hardening.py",
)
"""Tests of bytes, which know nothing of the Python around them: once is enough."""


def pytest_configure() -> None:
    """A shell lets background jobs ignore Ctrl-C, and so would each server that a test starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what PROCESS_TESTS (first, second) has for the other run."""
    wanted = os.environ.get("PROCESS_TESTS")
    if wanted:
        left_out = {item for item in items if _is_left_out(item, wanted)}
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def _is_left_out(item: pytest.Item, wanted: str) -> bool:
    path = item.path.relative_to(HERE)
    if path.as_posix() in ONCE:
        return wanted != "first"
    others = [name for half, names in HALVES.items() if half != wanted for name in names]
    _, _, parameters = item.name.partition("[")
    return path.parts[0] in HALVED and any(kind in parameters for kind in others)
