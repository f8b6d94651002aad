"""Help: short for most, whole on request; what a shell completes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tricorn.cli.commands import COMMANDS
from tricorn.config.catalogue import SETTINGS

Run = Callable[..., "subprocess.CompletedProcess[str]"]

FLAGS = [one.flag for one in SETTINGS if not one.declared.get("argument")]


@pytest.mark.parametrize("flag", ["--help", "-h", "help"])
def test_help_is_what_most_people_need(run: Run, flag: str) -> None:
    done = run(flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: tricorn APP [OPTIONS]")
    shown = {flag for flag in FLAGS if re.search(rf" {flag}[ /\n]", done.stdout)}
    assert 15 <= len(shown) <= 20
    assert {"--bind", "--workers", "--reload", "--access-log", "--tls-cert"} <= shown
    assert "--help-all" in done.stdout
    assert len(done.stdout.splitlines()) < 100
    for command in COMMANDS:
        assert f"  {command} " in done.stdout


@pytest.mark.parametrize("words", [("--help-all",), ("help", "all")])
def test_all_of_it(run: Run, words: tuple[str, ...]) -> None:
    text = run(*words).stdout
    assert [flag for flag in FLAGS if flag not in text] == []


@pytest.mark.parametrize("words", [("help", "status"), ("status", "-h"), ("status", "--help")])
def test_of_a_command(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: tricorn status [OPTIONS]")


def test_of_what_is_no_command(run: Run) -> None:
    done = run("help", "stauts")
    assert done.returncode == 2
    assert '"stauts" is no command; did you mean tricorn status' in done.stderr


@pytest.mark.parametrize("asked", ["workers", "--workers", "-w", "WORKERS"])
def test_of_an_option(run: Run, asked: str) -> None:
    done = run("help", asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("-w, --workers")
    assert "TRICORN_WORKERS in the environment, process.workers in tricorn.toml" in done.stdout


def test_of_an_option_that_is_misspelt(run: Run) -> None:
    done = run("help", "--wrokers")
    assert done.returncode == 2
    assert '"--wrokers" is no option; did you mean --workers?' in done.stderr


# ---- completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(run: Run, shell: str) -> None:
    done = run(_TRICORN_COMPLETE=f"{shell}_source")
    assert done.returncode == 0, done.stderr
    assert f"_TRICORN_COMPLETE={shell}_complete" in done.stdout


def test_what_is_no_shell(run: Run) -> None:
    done = run(_TRICORN_COMPLETE="tcsh_source")
    assert done.returncode == 2
    assert "bash_source, zsh_source or fish_source" in done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("tricorn sta", {"status", "stacks"}),
        ("tricorn --ws-max-", {"--ws-max-size", "--ws-max-queue"}),
        ("tricorn main:app --work", {"--workers", "--worker-connections"}),
        ("tricorn main:app --log-level ", {"debug", "info", "warning", "error", "critical"}),
        ("tricorn main:app --loop uv", {"uvloop"}),
        ("tricorn check main:app --preloa", {"--preload"}),
        ("tricorn status --js", {"--json"}),
    ],
)
def test_what_bash_offers(run: Run, typed: str, offered: set[str]) -> None:
    words = typed.split(" ")
    done = run(_TRICORN_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1))
    assert done.returncode == 0, done.stderr
    assert {line.partition(",")[2] for line in done.stdout.split()} == offered


def test_files_are_the_shells(run: Run, tmp_path: Path) -> None:
    done = run(_TRICORN_COMPLETE="bash_complete", COMP_WORDS="tricorn --tls-cert ", COMP_CWORD="2")
    assert done.stdout.split() == ["file,"]
