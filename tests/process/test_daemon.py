"""A daemon: the first process ends when it serves and with 0, or with the reason and not with 0."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kit import wait_until
from tests.kit.process import ROOT
from tricorn.config import Config
from tricorn.errors import ConfigError
from tricorn.supervisor.daemon import check_daemon


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Where the daemon writes what it is."""
    return tmp_path / "report"


def start(task: str, report: Path) -> subprocess.CompletedProcess[str]:
    """The first process, from its start to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tests.process.daemon_main", task, str(report)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def facts(report: Path) -> dict[str, Any]:
    found = json.loads(report.read_text())
    assert isinstance(found, dict)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; the kernel's word for one that nobody has reaped is Z."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_first_process_ends_when_the_daemon_serves(report: Path) -> None:
    done = start("serve", report)
    daemon = facts(report)
    try:
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == "serving main:app on http://127.0.0.1:8000\n"
        assert alive(daemon["pid"])
        assert daemon["sid"] not in (daemon["pid"], os.getsid(0))
        assert daemon["stdio"] == [os.devnull] * 3
        assert daemon["directory"] == str(ROOT)
    finally:
        os.kill(daemon["pid"], signal.SIGTERM)
    wait_until(lambda: not alive(daemon["pid"]), "the daemon has ended")


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("fail", "tricorn: cannot listen on :1: no\n"),
        ("leave", "tricorn: ended before it served; see its error log\n"),
        ("large", f"tricorn: {'x' * 1_000_000}\n"),
    ],
)
def test_the_reason_of_a_failure_is_told(report: Path, task: str, text: str) -> None:
    done = start(task, report)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", text)
    wait_until(lambda: not alive(facts(report)["pid"]), "the daemon has ended")


def test_the_death_of_a_daemon_shows_though_its_worker_lives(report: Path) -> None:
    done = start("die", report)
    report.with_suffix(".go").touch()
    assert done.returncode == 1
    assert done.stderr == "tricorn: ended before it served; see its error log\n"


def test_an_unexpected_error_is_told_with_its_traceback(report: Path) -> None:
    done = start("break", report)
    assert done.returncode == 1
    first, second, *_, cause, last = done.stderr.splitlines()
    assert (first, second) == (
        "tricorn: an error of its own",
        "Traceback (most recent call last):",
    )
    assert (cause, last) == ("ZeroDivisionError: division", "by zero")


def test_a_daemon_outlives_an_interrupted_first_process(report: Path) -> None:
    """Nobody reads the pipe any more when it is ready."""
    command = [sys.executable, "-m", "tests.process.daemon_main", "late", str(report)]
    process = subprocess.Popen(command, cwd=ROOT)
    wait_until(report.exists, "the daemon runs")
    process.kill()
    process.wait()
    daemon = facts(report)["pid"]
    try:
        report.with_suffix(".go").touch()
        wait_until(report.with_suffix(".served").exists, "the daemon has gone on")
        assert alive(daemon)
    finally:
        os.kill(daemon, signal.SIGKILL)


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        ({}, "--error-log"),
        ({"error_log": "-"}, "--error-log"),
        ({"error_log": "error.log", "access_log": "stdout"}, "--access-log"),
        ({"log_config": "log.toml", "access_log": "-"}, "--access-log"),
    ],
)
def test_logs_to_a_terminal_are_refused(settings: dict[str, object], flag: str) -> None:
    with pytest.raises(ConfigError, match=rf"^--daemon: .* Give a file with {flag}"):
        check_daemon(Config.make(**settings).logs)


@pytest.mark.parametrize(
    "settings",
    [
        {"error_log": "error.log"},
        {"error_log": "error.log", "access_log": "access.log"},
        {"log_config": "log.toml"},
    ],
)
def test_logs_to_files_are_taken(settings: dict[str, object]) -> None:
    check_daemon(Config.make(**settings).logs)
