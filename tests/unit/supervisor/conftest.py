"""Where the tests of the control socket have it, and their raw connections to it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
def connect(path: Path) -> Iterator[Callable[[], socket.socket]]:
    """Open raw connections; they are closed when the test ends."""
    opened: list[socket.socket] = []

    def connect() -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(10)
        sock.connect(str(path))
        opened.append(sock)
        return sock

    yield connect
    for sock in opened:
        sock.close()
