"""Unix sockets: the file's mode, owner, stale predecessors and end."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tricorn.config import Config
from tricorn.errors import BindError
from tricorn.net.listen import close_listeners, open_listeners
from tricorn.net.listener import Listener

Listen = Callable[..., Listener]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Open a listener on a path; it is closed when the test ends."""
    opened: list[Listener] = []

    def listen(path: Path | str, **settings: object) -> Listener:
        opened.extend(open_listeners(Config.make(bind=[f"unix:{path}"], **settings).listen))
        return opened[-1]

    yield listen
    close_listeners(opened)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.sock"


def refusal(path: Path | str, **settings: object) -> str:
    with pytest.raises(BindError) as error:
        open_listeners(Config.make(bind=[f"unix:{path}"], **settings).listen)
    prefix = f"cannot listen on unix:{path}: "
    assert str(error.value).startswith(prefix)
    return str(error.value).removeprefix(prefix)


def connect(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as client:
        client.connect(str(path))


def leave_stale(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.bind(str(path))


def test_takes_connections_and_is_ready_for_the_core(listen: Listen, path: Path) -> None:
    listener = listen(path)
    connect(path)
    assert not listener.sock.getblocking()
    assert not listener.sock.get_inheritable()
    assert listener.display == f"unix:{path}"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_mode_is_as_given_whatever_the_umask(
    listen: Listen, path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        listen(path, uds_mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_umask_decides_without_a_mode(listen: Listen, path: Path) -> None:
    before = os.umask(0o027)
    try:
        listen(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o750


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize(
    ("owner", "ids"),
    [("nobody", (65534, None)), ("65534:0", (65534, 0)), ("0:nogroup", (0, 65534))],
)
def test_owner(listen: Listen, path: Path, owner: str, ids: tuple[int, int | None]) -> None:
    listen(path, uds_owner=owner)
    found = path.stat()
    assert found.st_uid == ids[0]
    assert found.st_gid == (os.getgid() if ids[1] is None else ids[1])


@pytest.mark.parametrize("owner", ["no-such-user", "root:no-such-group"])
def test_unknown_owner(path: Path, owner: str) -> None:
    assert "no-such-" in refusal(path, uds_owner=owner)
    assert not path.exists()


def test_stale_socket_is_replaced(listen: Listen, path: Path) -> None:
    leave_stale(path)
    listen(path)
    connect(path)


def test_live_socket_is_left_alone_and_its_process_named(path: Path) -> None:
    script = (
        "import socket\n"
        "sock = socket.socket(socket.AF_UNIX)\n"
        f"sock.bind({str(path)!r})\nsock.listen()\n"
        "print(flush=True)\ninput()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        message = refusal(path)
        assert message.startswith(
            f"the socket is in use by process {process.pid} ({Path(sys.executable).name} -c "
        )
        connect(path)
        process.communicate(b"\n")


def test_live_socket_with_a_full_queue_is_left_alone(path: Path) -> None:
    with (
        closing(socket.socket(socket.AF_UNIX)) as busy,
        closing(socket.socket(socket.AF_UNIX)) as c,
    ):
        busy.bind(str(path))
        busy.listen(0)
        c.connect(str(path))
        assert "the socket is in use by process" in refusal(path)
        assert path.is_socket()


@pytest.mark.parametrize("kind", ["file", "directory", "symlink"])
def test_what_is_not_a_socket_is_left_alone(path: Path, tmp_path: Path, kind: str) -> None:
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        leave_stale(tmp_path / "other.sock")
        path.symlink_to(tmp_path / "other.sock")
    assert "a file that is not a socket" in refusal(path)
    assert path.exists()


def test_missing_directory(tmp_path: Path) -> None:
    message = refusal(tmp_path / "none" / "app.sock")
    assert message == (
        f"the directory {tmp_path / 'none'} does not exist. Make it, or give another path."
    )


def test_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file" / "app.sock") == f"{tmp_path / 'file'} is not a directory"


def test_file_is_removed_at_the_end(listen: Listen, path: Path) -> None:
    listener = listen(path)
    listener.close()
    assert not path.exists()
    listener.close()


def test_file_of_a_successor_is_not_removed(listen: Listen, path: Path) -> None:
    first = listen(path)
    path.unlink()
    listen(path)
    first.close()
    connect(path)


def test_file_is_removed_after_a_change_of_directory(
    listen: Listen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    listener = listen("app.sock")
    monkeypatch.chdir("/")
    listener.close()
    assert not (tmp_path / "app.sock").exists()


def test_of_many_that_start_at_once_over_a_stale_socket_one_wins(path: Path) -> None:
    for _ in range(20):
        leave_stale(path)
        won, lost = _race(path, contenders=4)
        assert (len(won), lost) == (1, 3)
        connect(path)
        close_listeners(won)
        assert not path.exists()


def test_a_lock_that_somebody_keeps_only_delays(
    listen: Listen, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tricorn.net.unix._LONGEST_LOCK", 0.05)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        listen(path)
    finally:
        os.close(directory)
    connect(path)


def _race(path: Path, contenders: int) -> tuple[list[Listener], int]:
    won: list[Listener] = []
    lost: list[BindError] = []
    start = threading.Barrier(contenders)

    def contend() -> None:
        start.wait()
        try:
            won.extend(open_listeners(Config.make(bind=[f"unix:{path}"]).listen))
        except BindError as error:
            lost.append(error)

    threads = [threading.Thread(target=contend) for _ in range(contenders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won, len(lost)
