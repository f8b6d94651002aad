"""What holds for every test, and which of them run on both Pythons of ``make test``."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from zlib import crc32

import pytest

HERE = Path(__file__).parent
HALVES = {"first": ("asyncio", "wsgi-1"), "second": ("uvloop", "wsgi-4", "wsgi-8")}
"""Of the slow tests, each Python runs half of the kinds, and every other one of those without …"""
HALVED = ("process", "websocket")
"""… in these directories."""
ONCE = (
    "clients/test_*.py",
    "contract/test_table_tls.py",
    "contract/test_table_proxy.py",
    "contract/test_table_http2.py",
    "examples/test_browser.py",
    "examples/test_channels.py",
    "examples/test_socketio.py",
    "hostile/test_[efh]*.py",
    "http2/test_[cefh]*.py",
    "process/test_prox*.py",
    "process/test_tls_*.py",
)
"""Tests of bytes, which know nothing of the Python around them, and of clients: once is enough …"""
SPLITS = ("test_byte_by_byte", "test_at_random")
"""… and so it is for how bytes are split."""


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
    is_split = path.parts[0] == "contract" and item.name.startswith(SPLITS)
    if is_split or any(path.match(pattern) for pattern in ONCE):
        return wanted != "first"
    return path.parts[0] in HALVED and _half_of(item) != wanted


def _half_of(item: pytest.Item) -> str:
    _, _, parameters = item.name.partition("[")
    for half, kinds in HALVES.items():
        if any(kind in parameters for kind in kinds):
            return half
    return sorted(HALVES)[crc32(item.nodeid.encode()) % len(HALVES)]
