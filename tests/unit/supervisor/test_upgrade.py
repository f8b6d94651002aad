"""A stop that comes just when a new supervisor has taken over: which of them is to end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.kit import wait_until

from tricorn.supervisor.loop import Loop
from tricorn.supervisor.upgrade import VARIABLE, Upgrades

SUCCESSOR = f"""
import json, os, time
given = json.loads(os.environ["{VARIABLE}"])
os.write(given["ready"], b"ready")
open("pid.new", "w").write(str(os.getpid()))
os.rename("pid.new", "pid")
time.sleep(60)
"""
"""A new supervisor, as far as the old one can see."""


@pytest.fixture
def successor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What is started as a new supervisor from now on; it tells its pid in that file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", SUCCESSOR])
    told = tmp_path / "pid"
    yield told
    pid = int(told.read_text())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_one_that_has_taken_over_is_left_alone(successor: Path) -> None:
    heard: list[str] = []
    with closing(Loop()) as loop:
        upgrades = Upgrades(loop, lambda: heard.append("handed over"), heard.append)
        upgrades.begin({}, {}, 0)
        wait_until(successor.exists, "its word")
        upgrades.stop(signal.SIGTERM, 60)
    assert heard == ["handed over"]
    assert not upgrades.is_stopping
    assert os.waitpid(int(successor.read_text()), os.WNOHANG) == (0, 0), "it has ended"
