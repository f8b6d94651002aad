"""Exit codes of the command, alone and with workers, as docs/reference/process.md lists them."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.kit import Server
from tests.kit.process import ROOT, ended
from tests.process.versions import Site

PAGE = ROOT / "docs" / "reference" / "process.md"


@pytest.fixture(params=[(), ("--workers", "2")], ids=["alone", "workers"])
def options(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, ...]:
    """One process, or several."""
    Site(tmp_path, "asgi").write("one")
    options: tuple[str, ...] = request.param
    return options


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield other.getsockname()[1]


def code(directory: Path, *words: str) -> tuple[int, str]:
    """The exit code of a server that does not start, and what it says."""
    with ended(Server(["site_app:app", *words], cwd=directory)) as server:
        return server.wait_exit(), server.stderr.text()


def test_0_after_a_signal(options: tuple[str, ...], tmp_path: Path) -> None:
    with ended(Server(["site_app:app", "--port", "0", *options], cwd=tmp_path)) as server:
        server.wait_ready(1)
        assert server.stop(signal.SIGTERM) == 0


def test_1_without_an_application(options: tuple[str, ...], tmp_path: Path) -> None:
    Site(tmp_path, "asgi").put("import nothing_like_this")
    number, said = code(tmp_path, "--port", "0", *options)
    assert number == 1
    assert "nothing_like_this" in said


def test_1_where_an_address_is_taken(options: tuple[str, ...], tmp_path: Path, taken: int) -> None:
    number, said = code(tmp_path, "--port", str(taken), *options)
    assert number == 1
    assert str(taken) in said


@pytest.mark.parametrize("mistake", [("--port", "many"), ("--no-such-option",)])
def test_2_for_a_mistake(
    mistake: tuple[str, ...], options: tuple[str, ...], tmp_path: Path
) -> None:
    assert code(tmp_path, *options, *mistake)[0] == 2


def test_3_when_the_start_up_fails(options: tuple[str, ...], tmp_path: Path) -> None:
    Site(tmp_path, "asgi").write("one", startup="failed")
    number, said = code(tmp_path, "--port", "0", *options)
    assert number == 3
    assert "no database" in said


def test_the_page_has_no_others() -> None:
    """130 is tested with the command, the code of a worker that cannot start with the workers."""
    table = PAGE.read_text().partition("## Exit codes")[2]
    rows = re.findall(r"^\| (.+?) \|", table, re.MULTILINE)[2:]
    assert rows[:5] == ["0", "1", "2", "3", "130"]
    assert len(rows) == 7
