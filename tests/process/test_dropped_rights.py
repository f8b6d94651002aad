"""``--user`` with log files: root opens them, and workers that are nobody write to them."""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import wait_until
from tests.process.test_poor_world import INTERFACES, Situation, World, site, world
from tests.process.versions import Site

__all__ = ["site"]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

NOBODY = pwd.getpwnam("nobody")
LOGS = ("--error-log", "logs/errors", "--access-log", "logs/access")
SITUATION = Situation(("readable",), ("--user", "nobody", *LOGS))
OWNERS = pytest.mark.parametrize("owner", [0, NOBODY.pw_uid], ids=["root's", "nobody's"])


@contextmanager
def serving(site: Site, owner: int) -> Iterator[World]:
    """Two workers that are nobody; the logs are in a directory of ``owner``."""
    (site.directory / "logs").mkdir(exist_ok=True)
    os.chown(site.directory / "logs", owner, -1)
    with world(SITUATION, site, "--workers", "2", *INTERFACES[site.interface]) as started:
        yield started


def logged(world: World, path: str) -> None:
    """Wait until a line of this request is in the access log."""
    world.ask(path)
    access = world.site.directory / "logs/access"
    wait_until(lambda: f"GET {path} " in access.read_text(), "the access line")


def owner_of(pid: int) -> int:
    """The user of a process."""
    return Path(f"/proc/{pid}").stat().st_uid


@OWNERS
def test_workers_write_to_the_logs_of_root(site: Site, owner: int) -> None:
    """After the start, a rotation, the end of a worker, and a reload."""
    with serving(site, owner) as started:
        logs = site.directory / "logs"
        assert {owner_of(pid) for pid in started.children()} == {NOBODY.pw_uid}
        logged(started, "/version/1")
        for name in ("errors", "access"):
            (logs / name).rename(logs / f"{name}.1")
        os.kill(started.pid, signal.SIGUSR1)
        wait_until(lambda: (logs / "access").exists(), "the new log")
        before = started.children()
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: "SIGKILL" in (logs / "errors").read_text(), "the end is told")
        wait_until(lambda: len(started.children()) == 2, "another worker")
        wait_until(lambda: not any(holds(one, logs / "access.1") for one in started.children()), "")
        logged(started, "/version/2")
        os.kill(started.pid, signal.SIGHUP)
        wait_until(lambda: not started.children() & before, "all workers are new", deadline=30)
        logged(started, "/version/3")
        assert "could not" not in (logs / "errors").read_text()


def holds(pid: int, path: Path) -> bool:
    """Whether a process has a file open."""
    try:
        return any(one.samefile(path) for one in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # one of them was closed meanwhile
        return True


@pytest.fixture
def secret(site: Site) -> Path:
    """A file of root's that nobody must not write to."""
    path = site.directory / "secret"
    path.write_text("untouched")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("kind", [Path.symlink_to, Path.hardlink_to])
def test_a_planted_link_at_the_start(site: Site, secret: Path, kind: object) -> None:
    logs = site.directory / "logs"
    logs.mkdir()
    plant(kind, logs / "errors", secret)
    with pytest.raises(AssertionError, match="the server has ended"), serving(site, NOBODY.pw_uid):
        pass
    assert secret.read_text() == "untouched"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
@pytest.mark.parametrize("kind", [Path.symlink_to, Path.hardlink_to])
def test_a_link_that_is_planted_later(
    site: Site, secret: Path, number: signal.Signals, kind: object
) -> None:
    """It is refused, and the server goes on with the logs that it has."""
    with serving(site, NOBODY.pw_uid) as started:
        logs = site.directory / "logs"
        (logs / "errors").rename(logs / "errors.1")
        plant(kind, logs / "errors", secret)
        before = started.children()
        os.kill(started.pid, number)
        told = "--error-log: cannot open"
        wait_until(lambda: told in (logs / "errors.1").read_text(), "it is refused")
        logged(started, "/version/4")
        assert started.children() == before
        assert secret.read_text() == "untouched"


def plant(kind: object, path: Path, target: Path) -> None:
    """Put a link there, as the directory's owner could."""
    assert callable(kind)
    kind(path, target)


def test_a_directory_that_is_swapped(site: Site, secret: Path) -> None:
    """The last part of the path is a file, but one before it has become a link."""
    with serving(site, NOBODY.pw_uid) as started:
        logs = site.directory / "logs"
        logs.rename(site.directory / "old")
        os.chown(site.directory, NOBODY.pw_uid, -1)
        (site.directory / "elsewhere").mkdir()
        logs.symlink_to(site.directory / "elsewhere")
        os.kill(started.pid, signal.SIGUSR1)
        told = "--error-log: cannot open"
        wait_until(lambda: told in (site.directory / "old/errors").read_text(), "it is refused")
        assert not list((site.directory / "elsewhere").iterdir())
