"""The command as a real process: what it prints where, and the code it ends with."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_check_shows_each_value_with_its_origin(run: Run, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("def app(environ, start_response): ...\n")
    (tmp_path / "tricorn.toml").write_text('[timeouts]\nkeep-alive = "1m"\n')
    done = run("check", "main", "--port", "0", TRICORN_HEAD_SIZE="8k")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = [tuple(re.split(r" {2,}", line)) for line in done.stdout.splitlines()]
    assert ("app.target", "main", "command line APP") in rows
    assert ("listen.bind", "127.0.0.1:0", "command line --port") in rows
    assert ("limits.head-size", "8KiB", "environment TRICORN_HEAD_SIZE") in rows
    assert ("timeouts.keep-alive", "60s", "tricorn.toml:2 timeouts.keep-alive") in rows
    assert ("process.threads", "8", "default") in rows
    assert "main:app loads as WSGI" in done.stdout


def test_check_with_a_broken_application(run: Run, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("1 / 0\n")
    done = run("check", "main:app")
    assert done.returncode == 1
    assert done.stderr.startswith("tricorn: cannot load main:app: importing main failed\n")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("command", [["check"], []])
def test_wrong_settings_end_with_2_and_without_a_traceback(run: Run, command: list[str]) -> None:
    done = run(*command, "main:app", "--port", "x", "--workers", "900")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "tricorn: 2 settings are wrong\n"
        '  command line --port: "x" is not a whole number\n'
        '  command line --workers: "900" is too large; the most is 512\n'
    )


def test_check_with_a_wrong_log_configuration(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text("{")
    done = run("check", "main:app", "--log-config", "log.json")
    assert done.returncode == 2
    assert '--log-config: "log.json" is not valid' in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ([], 2, "no application given. Name it as module:attribute: tricorn main:app"),
        (["check"], 2, "no application given. Name it as module:attribute: tricorn check main:app"),
        (["none:app"], 1, 'cannot load none:app: there is no module "none"'),
        (["--prot", "1"], 2, "--port"),
        (["main:app", "--config", "none.toml"], 2, "none.toml: cannot be read: No such file"),
    ],
)
def test_mistakes(run: Run, arguments: list[str], code: int, reason: str) -> None:
    done = run(*arguments)
    assert done.returncode == code
    assert done.stderr.startswith("tricorn: ")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], "Usage: tricorn APP [OPTIONS]"),
        (["check", "--help"], "Usage: tricorn check APP [OPTIONS]"),
        (["--version"], "tricorn "),
        (["main:app", "--version"], "tricorn "),
    ],
)
def test_help_and_version(run: Run, arguments: list[str], shown: str) -> None:
    done = run(*arguments)
    assert done.returncode == 0
    assert done.stdout.startswith(shown)
    assert done.stderr == ""


def test_application_from_the_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("async def app(scope, receive, send): ...\n")
    (tmp_path / "tricorn.toml").write_text('[app]\ntarget = "main"\n')
    assert "main:app loads as ASGI 3" in run("check").stdout


def test_interrupted_while_loading(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "main.py").write_text("print('loading', flush=True)\ninput()\n")
    command = [sys.executable, "-m", "tricorn", "main:app"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr == ""


def test_nothing_slow_is_imported_before_it_is_needed(environment: dict[str, str]) -> None:
    """The time to the first answer counts: these cost more than all of the command."""
    code = (
        "import sys, tricorn.cli.main, tricorn.cli.run, tricorn.config\n"
        "tricorn.config.Config.load(environ={})\n"
        "slow = {'asyncio', 'difflib', 'importlib.metadata', 'logging.config', 'traceback'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
