"""The process that watches files for --reload: how it ends, and what it says if it cannot work."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import wait_until
from tests.kit.process import ROOT
from tests.process.watching import DEADLINE, in_place, project, wait_changes, watching
from tricorn.config import Config
from tricorn.errors import ConfigError, TricornError
from tricorn.supervisor.watch import Watcher
from tricorn.supervisor.watch_messages import Change

__all__ = ["project"]

pytestmark = pytest.mark.usefixtures("project")


def gone(pidfd: int) -> bool:
    """Whether a process has ended within the deadline; a pidfd is readable then (pidfd_open(2))."""
    return bool(select.select([pidfd], [], [], DEADLINE)[0])


@contextmanager
def pidfd_of(pid: int) -> Iterator[int]:
    """A descriptor for a process, which cannot be another one later."""
    pidfd = os.pidfd_open(pid)
    try:
        yield pidfd
    finally:
        os.close(pidfd)


def test_stop_ends_the_process() -> None:
    watcher = Watcher.start(Config.make().development, ".")
    with pidfd_of(watcher.pid) as pidfd:
        assert not select.select([pidfd], [], [], 0)[0]
        watcher.stop()
        assert gone(pidfd)
        watcher.stop()


OWNER = """
import os, signal, sys
from tricorn.config import Config
from tricorn.supervisor.watch import Watcher

watcher = Watcher.start(Config.make().development, ".")
child = os.fork()
if child == 0:
    watcher.abandon()
    signal.pause()
print(watcher.pid, child, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_ends_with_its_supervisor_though_a_worker_lives_on(number: signal.Signals) -> None:
    command = [sys.executable, "-c", OWNER]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=quiet) as owner:
        assert owner.stdout is not None
        pid, child = map(int, owner.stdout.readline().split())
        try:
            with pidfd_of(pid) as pidfd:
                owner.send_signal(number)
                assert gone(pidfd)
                os.kill(child, 0)  # it still runs
        finally:
            os.kill(child, signal.SIGKILL)
            owner.kill()


def test_a_watcher_that_has_died_is_told() -> None:
    with watching() as watcher:
        os.kill(watcher.pid, signal.SIGKILL)
        assert select.select([watcher], [], [], DEADLINE)[0]
        with pytest.raises(TricornError, match="the process that watches the files has ended"):
            watcher.read()


def test_ctrl_c_does_not_reach_it() -> None:
    with watching() as watcher:
        assert os.getpgid(watcher.pid) != os.getpgid(0)


def test_reading_never_blocks(project: Path) -> None:
    with watching() as watcher:
        assert watcher.read() == []
        in_place(project / "main.py")
        told = wait_until(watcher.read, "the change is told")
        assert told == [Change("modified", "main.py")]


def test_modules_of_the_application_do_not_shadow_ours(project: Path) -> None:
    for name in ("json", "threading", "select", "watchfiles", "pathspec"):
        (project / f"{name}.py").write_text("raise RuntimeError\n")
    with watching() as watcher:
        in_place(project / "main.py")
        assert wait_changes(watcher) == [Change("modified", "main.py")]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"reload_dir": ("absent",)}, '--reload-dir: there is no directory "absent"'),
        ({"reload_dir": ("main.py",)}, '--reload-dir: there is no directory "main.py"'),
        ({"reload_dir": ("/",)}, '--reload-dir is "/", which is /; name the directory'),
        ({"reload_include": ("!",)}, "--reload-include or --reload-exclude: "),
    ],
)
def test_mistakes_are_told_at_the_start(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Watcher.start(Config.make(**settings).development, ".")
    assert said in str(caught.value)


def test_app_dir_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match='--app-dir: there is no directory "absent"'):
        Watcher.start(Config.make().development, "absent")


@pytest.mark.parametrize(
    ("engine", "missing"), [("auto", "pathspec and watchfiles"), ("poll", "pathspec")]
)
def test_libraries_that_are_missing(engine: str, missing: str) -> None:
    code = f"""
from tricorn.config import Config
from tricorn.supervisor.watch import Watcher
Watcher.start(Config.make(reload_engine="{engine}").development, ".")
"""
    # -S: without the directory that libraries are installed in.
    command = [sys.executable, "-S", "-c", code]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    packages = missing.replace(" and ", " ")
    assert f"--reload needs {missing}; pip install {packages}\n" in done.stderr
