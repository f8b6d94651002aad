"""Where the control socket is put: the directories, and what makes one fit."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import closing
from pathlib import Path

import pytest
from tests.kit.control import INSTANCE, echo

from tricorn.supervisor.control import ControlServer
from tricorn.supervisor.rendezvous import directories, is_private, socket_name, usable

NOBODY = 65534
FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of a service, the first place that is looked at."""
    directory = tmp_path / "runtime"
    directory.mkdir(mode=0o755)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(directory))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return directory


def opened() -> ControlServer:
    server = ControlServer.open("auto", INSTANCE, echo)
    assert server is not None
    return server


def test_auto_takes_the_first_directory(runtime: Path) -> None:
    with closing(opened()) as server:
        assert server.path == str(runtime / socket_name(os.getpid()))


def test_auto_makes_a_directory_for_us_alone(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    with closing(opened()) as server:
        assert server.path == str(tmp_path / "tricorn" / socket_name(os.getpid()))
    assert stat.S_IMODE((tmp_path / "tricorn").stat().st_mode) == 0o700


def test_auto_passes_over_what_others_can_write_to(runtime: Path, tmp_path: Path) -> None:
    runtime.chmod(0o777)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tricorn").symlink_to(tmp_path / "elsewhere")
    with closing(opened()) as server:
        assert not server.path.startswith(str(tmp_path))


def test_auto_removes_what_killed_servers_left(runtime: Path) -> None:
    stale, live, other = runtime / "tricorn-1.sock", runtime / "tricorn-2.sock", runtime / "x.sock"
    for path in (stale, other):
        with closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.bind(str(path))
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(live))
        listening.listen()
        with closing(opened()):
            assert (stale.exists(), live.exists(), other.exists()) == (False, True, True)


def test_auto_leaves_a_live_one_with_our_number_alone(runtime: Path, tmp_path: Path) -> None:
    """Two containers that share a directory may both have process 1."""
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(runtime / socket_name(os.getpid())))
        listening.listen()
        with closing(opened()) as server:
            assert server.path == str(tmp_path / "tricorn" / socket_name(os.getpid()))


def test_the_places_in_their_order() -> None:
    environ = {"RUNTIME_DIRECTORY": "/run/a:/run/b", "XDG_RUNTIME_DIR": "/run/user/7"}
    system = [Path("/run/tricorn"), Path(f"/tmp/tricorn-{os.geteuid()}")]
    assert directories(environ) == [Path("/run/a"), Path("/run/user/7/tricorn"), *system]
    assert directories({"XDG_RUNTIME_DIR": "relative"}) == system


def test_nowhere_to_write_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert list(usable([tmp_path / "file", tmp_path / "file" / "x", tmp_path / "no" / "x"])) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_not_private(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY, -1)
    assert not is_private(tmp_path)
