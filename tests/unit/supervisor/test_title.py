"""Process titles as the kernel shows them, with and without the library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tricorn.supervisor.title import Title, set_title, supervisor_title, worker_title

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")

SHOW = """
import os, sys
from pathlib import Path
os.nice(3)  # which CPython takes for a number of threads if comm has a space
if sys.argv[1] == "without":
    sys.modules["setproctitle"] = None
from tricorn.supervisor.title import set_title, supervisor_title, worker_title
set_title(supervisor_title("tricorn", "main:app"))
if sys.argv[2] == "worker" and (child := os.fork()):
    os.waitpid(child, 0)
    os._exit(0)
if sys.argv[2] == "worker":
    set_title(worker_title("tricorn", 3, 2, "serving 4"))
print(Path(f"/proc/{os.getpid()}/{sys.argv[3]}").read_text().rstrip("\\0\\n"), flush=True)
"""


def shown(library: str, process: str, file: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SHOW, library, process, file],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.rstrip("\n")


@LINUX
@pytest.mark.parametrize(
    ("process", "text"),
    [
        ("supervisor", "tricorn: supervisor [main:app]"),
        ("worker", "tricorn: worker 3 [gen 2] serving 4"),
    ],
)
def test_the_library_shows_the_whole_title(process: str, text: str) -> None:
    assert shown("with", process, "cmdline") == text


@LINUX
@pytest.mark.parametrize(
    ("process", "text"), [("supervisor", "tricorn-super"), ("worker", "tricorn-w3")]
)
def test_the_short_form_is_shown_too(process: str, text: str) -> None:
    assert shown("with", process, "comm") == text
    assert shown("without", process, "comm") == text
    assert shown("without", process, "cmdline").startswith(sys.executable)


def test_the_state_is_optional() -> None:
    assert supervisor_title("shop", "main:app").text == "shop: supervisor [main:app]"
    assert supervisor_title("shop", "a", "reloading").text == "shop: supervisor [a] reloading"
    assert worker_title("shop", 1, 1).text == "shop: worker 1 [gen 1]"


@pytest.mark.parametrize(
    "name", ["tricorn", "a-very-long-name-indeed", "日本語日本語", "a b", " c"]
)
@pytest.mark.parametrize("number", [1, 999])
def test_the_short_form_has_room_for_the_number(name: str, number: int) -> None:
    short = worker_title(name, number, 12).short
    assert len(short.encode()) <= 15
    assert short.endswith(f"-w{number}")
    assert " " not in short


def test_it_is_never_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "setproctitle", None)
    monkeypatch.setattr("tricorn.supervisor.title._COMM", Path(f"/no/such/{os.getpid()}"))
    set_title(Title("a", "b"))
