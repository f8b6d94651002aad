"""Commands whose output is read by somebody that soon has had enough, as head(1)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.kit.process import ROOT


def run(*arguments: str, cwd: Path, stdout: int = subprocess.DEVNULL) -> tuple[int, str]:
    """The exit code of ``tricorn``, and what it says on stderr."""
    command = [sys.executable, "-m", "tricorn", *arguments]
    done = subprocess.run(
        command, cwd=cwd, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=30
    )
    return done.returncode, done.stderr


def test_a_command_that_shows() -> None:
    """Its reader has gone: that is no failure, and has no traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        code, told = run("check", "hello_asgi:app", cwd=ROOT / "examples", stdout=writing)
    finally:
        os.close(writing)
    assert (code, told) == (0, "")


def test_an_application_with_such_an_error(tmp_path: Path) -> None:
    """A server that did not start has not succeeded."""
    (tmp_path / "main.py").write_text("raise BrokenPipeError('a database, say')\n")
    code, told = run("main:app", "--port", "0", cwd=tmp_path)
    assert code == 1
    assert "BrokenPipeError: a database, say" in told
