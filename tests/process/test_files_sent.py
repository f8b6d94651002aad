"""Files that go out by sendfile(2), and what is no file."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.kit import serve
from tests.kit.process import ROOT
from tests.process.conftest import get


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_clients_that_leave_in_the_middle(interface: str, tmp_path: Path) -> None:
    """sendfile(2) has no flag against SIGPIPE."""
    large = tmp_path / "large"
    large.write_bytes(b"")
    os.truncate(large, 1 << 26)
    with serve(f"tests.process.default_sigpipe:{interface}", app_dir=ROOT) as server:
        for _ in range(50):
            with server.connect() as wire:
                wire.send(get(f"/file?{large}"))
                wire.sock.recv(1000)
                wire.sock.shutdown(socket.SHUT_WR)
        with server.connect() as wire:
            assert wire.ask(get("/scheme")).body == b"http"


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_a_reader_of_the_log_that_leaves(interface: str) -> None:
    """… has the same signal sent."""
    end, writer = os.pipe()
    options = ("--access-log", f"/dev/fd/{writer}")
    app = f"tests.process.default_sigpipe:{interface}"
    with serve(app, *options, app_dir=ROOT, pass_fds=(writer,)) as server:
        os.close(end)
        for _ in range(3):
            with server.connect() as wire:
                assert wire.ask(get("/scheme")).body == b"http"
    os.close(writer)


def test_a_pipe(tmp_path: Path) -> None:
    """To open one waits for somebody who writes: nobody else would be served."""
    os.mkfifo(tmp_path / "pipe")
    with serve("tests.process.tls_asgi:app", app_dir=ROOT) as server:
        with server.connect() as wire:
            wire.send(get(f"/file?{tmp_path / 'pipe'}"))
            assert wire.rest() is not None
        with server.connect() as wire:
            assert wire.ask(get("/scheme")).body == b"http"
        assert "is not a regular file" in server.stderr.text()
