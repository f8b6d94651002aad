"""Runs the command as a real process in an empty directory, without what would configure it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PACKAGE_ROOT = Path(__file__).parents[3] / "python"
CONFIGURES = ("TRICORN_", "GUNICORN_", "UVICORN_", "_TRICORN", "PORT", "WEB_CONCURRENCY")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment() -> dict[str, str]:
    """Ours without what would configure the server."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(CONFIGURES)}
    search = os.pathsep.join(filter(None, [str(PACKAGE_ROOT), kept.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": search, "NO_COLOR": "1"}


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Run ``python -m tricorn`` in an empty directory."""

    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tricorn", *arguments]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment | env,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with a small application, ``main:app``."""
    (tmp_path / "main.py").write_text("def app(environ, start_response): ...\n")
    return tmp_path
