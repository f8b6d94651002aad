"""A watcher of a real directory, and what it tells, for the tests of --reload's watching."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tricorn.config import Config
from tricorn.supervisor.watch import Watcher
from tricorn.supervisor.watch_messages import Change

DEADLINE = 10.0
"""Seconds after which a change counts as missed."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with an application."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    (project / "main.py").write_text("first\n")
    return project


@contextmanager
def watching(app_dir: str = ".", **settings: object) -> Iterator[Watcher]:
    """A watcher that misses no change from now on."""
    watcher = Watcher.start(Config.make(**settings).development, app_dir)
    try:
        yield watcher
    finally:
        watcher.stop()


def wait_changes(watcher: Watcher) -> list[Change]:
    """The next burst."""
    while select.select([watcher], [], [], DEADLINE)[0]:
        if changes := watcher.read():
            return changes
    raise AssertionError("no change was told")


def paths(changes: list[Change]) -> list[str]:
    """What changed, without how."""
    return [change.path for change in changes]


def in_place(path: Path) -> None:
    """Save the way VS Code and nano do."""
    path.write_text("in place\n")
