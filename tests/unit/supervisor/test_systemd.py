"""systemd's side, played with real sockets, descriptors and processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tricorn.errors import ConfigError
from tricorn.supervisor.systemd import listen_fds, notify, notify_reloading, watchdog_seconds

VARIABLES = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
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


AS_SYSTEMD = """
import os, sys
for number, fd in enumerate(map(int, sys.argv[2].split(","))):
    os.dup2(fd, 100 + number)
count = number + 1
for number in range(count):
    os.dup2(100 + number, 3 + number)
os.environ.update(LISTEN_FDS=str(count), LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""
"""Does what systemd does between fork and exec."""

SHOW = """
import json, os, socket
from tricorn.supervisor.systemd import listen_fds
found = [(*one, os.get_inheritable(one.fd), socket.socket(fileno=one.fd).getsockname())
         for one in listen_fds()]
print(json.dumps([found, listen_fds(), [name for name in os.environ if name.startswith("LISTEN")]]))
"""


@pytest.mark.parametrize("names", [None, "web:admin"])
def test_sockets_are_taken_in_order_with_their_names(names: str | None) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as first,
        closing(socket.create_server(("127.0.0.1", 0))) as second,
    ):
        fds = [first.fileno(), second.fileno()]
        done = subprocess.run(
            [sys.executable, "-c", AS_SYSTEMD, SHOW, ",".join(map(str, fds))],
            env=os.environ | ({"LISTEN_FDNAMES": names} if names else {}),
            pass_fds=fds,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        expected = (names or "unknown:unknown").split(":")
        found, again, variables = json.loads(done.stdout)
        assert found == [
            [3, expected[0], False, list(first.getsockname())],
            [4, expected[1], False, list(second.getsockname())],
        ]
        assert (again, variables) == ([], [])


@pytest.mark.parametrize("pid", [None, "1", "x"])
def test_sockets_meant_for_another_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, pid: str | None
) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    if pid is not None:
        monkeypatch.setenv("LISTEN_PID", pid)
    assert listen_fds() == []
    assert "LISTEN_FDS" not in os.environ
    assert "LISTEN_PID" not in os.environ


@pytest.mark.parametrize(
    ("count", "names", "reason"),
    [
        ("x", "", 'LISTEN_FDS: "x" is not a number'),
        ("-1", "", 'LISTEN_FDS: "-1" is not a number'),
        ("5000", "", 'LISTEN_FDS: "5000" is not a number up to 1024'),
        ("2", "one", 'LISTEN_FDNAMES: "one" has 1 names for 2 descriptors'),
        ("1024", "", "of 1024 is not open"),
    ],
)
def test_variables_that_cannot_be_right(
    monkeypatch: pytest.MonkeyPatch, count: str, names: str, reason: str
) -> None:
    kept = [(fd, os.get_inheritable(fd)) for fd in _open_fds()]
    monkeypatch.setenv("LISTEN_FDS", count)
    monkeypatch.setenv("LISTEN_FDNAMES", names)
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    try:
        with pytest.raises(ConfigError) as error:
            listen_fds()
    finally:
        for fd, inheritable in kept:
            os.set_inheritable(fd, inheritable)
    assert reason in str(error.value)


def _open_fds() -> list[int]:
    """The descriptors of this process that are open, but for the one that lists them."""
    open_fds = []
    for fd in range(3, 1024):
        try:
            os.fstat(fd)
        except OSError:
            continue
        open_fds.append(fd)
    return open_fds
