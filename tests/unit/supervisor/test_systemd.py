"""systemd's side, played with real sockets, descriptors and processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tricorn.supervisor.systemd import notify, notify_reloading, watchdog_seconds

VARIABLES = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what a service manager above the tests may have set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["path", "abstract"])
def systemd(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """A service manager's notification socket, with NOTIFY_SOCKET naming it."""
    name = f"tricorn-test-{os.getpid()}"
    abstract = request.param == "abstract"
    if abstract and sys.platform != "linux":
        pytest.skip("only Linux has abstract names")
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if abstract else str(tmp_path / name))
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sock:
        sock.bind(f"\0{name}" if abstract else str(tmp_path / name))
        sock.settimeout(5)
        yield sock


def test_notify_sends_one_datagram_of_lines(systemd: socket.socket) -> None:
    assert notify(READY=1, STATUS="2 workers", MAINPID=77)
    assert systemd.recv(4096) == b"READY=1\nSTATUS=2 workers\nMAINPID=77"


def test_a_value_cannot_add_a_field(systemd: socket.socket) -> None:
    assert notify(STATUS="bad\nMAINPID=1\r\nREADY=1")
    assert systemd.recv(4096) == b"STATUS=bad MAINPID=1 READY=1"


def test_reloading_says_when(systemd: socket.socket) -> None:
    before = time.monotonic_ns() // 1000
    assert notify_reloading("generation 2 is starting")
    reloading, when, status = systemd.recv(4096).decode().split("\n")
    assert reloading == "RELOADING=1"
    assert before <= int(when.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    assert status == "STATUS=generation 2 is starting"


def test_without_it_nothing_is_sent() -> None:
    assert not notify(READY=1)


@pytest.mark.parametrize("address", ["/no/such/socket", "relative", "vsock:2:1234", "@", "/"])
def test_an_address_that_nobody_listens_on_is_no_error(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not notify(READY=1)


def test_one_that_does_not_read_holds_us_for_a_moment_only(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tricorn.supervisor.systemd._LONGEST_SEND", 0.05)
    sent = 0
    while notify(STATUS="x" * 4096):
        sent += 1
        assert sent < 10_000, "the queue has no end"
    assert sent > 0


@pytest.mark.parametrize(
    ("micros", "pid", "seconds"),
    [
        ("30000000", None, 30.0),
        ("500000", "ours", 0.5),
        ("30000000", "1", None),
        ("0", None, None),
        ("", None, None),
        ("soon", None, None),
        ("-5", None, None),
        ("9" * 40, None, None),
    ],
)
def test_watchdog(
    monkeypatch: pytest.MonkeyPatch, micros: str, pid: str | None, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", micros)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "ours" else pid)
    assert watchdog_seconds() == seconds


def test_the_watchdog_passes_to_a_supervisor_that_takes_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert watchdog_seconds() == 30
    child = "from tricorn.supervisor.systemd import watchdog_seconds; print(watchdog_seconds())"
    assert subprocess.check_output([sys.executable, "-c", child], text=True) == "30.0\n"


def test_no_watchdog_without_the_variable() -> None:
    assert watchdog_seconds() is None
