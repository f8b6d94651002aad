"""``tricorn status`` and its kin, against a running server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit import Server, serve, wait_until
from tests.kit.process import ROOT
from tests.process.conftest import get
from tests.process.test_workers import ask, children, wait_count
from tests.process.versions import Site

ENV = {"PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An application, version one."""
    site = Site(tmp_path, "asgi")
    site.write("one")
    return site


@pytest.fixture
def server(site: Site) -> Iterator[Server]:
    """Two workers, and a control socket of their own."""
    path = site.directory / "control"
    files = ("--control-socket", str(path), "--pid", "pid")
    options = ("--workers", "2", "--graceful-timeout", "1", *files)
    with serve("site_app:app", *options, app_dir=site.directory, env=ENV) as server:
        yield server
    assert not path.exists()
    assert not (site.directory / "pid").exists()


def command(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "tricorn", *words, "--control", str(site.directory / "control")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def data(site: Site, *words: str) -> dict[str, Any]:
    """What a command answers as JSON; it must succeed."""
    done = command(site, *words, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_status(site: Site, server: Server) -> None:
    assert ask(server, "/version") == "one"
    status = data(site, "status")
    assert status["pid"] == server.pid == int((site.directory / "pid").read_text())
    assert status["addresses"] == [server.url]
    assert status["wanted"] == 2
    assert {worker["pid"] for worker in status["workers"]} == children(server)
    assert sum(worker["requests"] for worker in status["workers"]) == 1
    assert "generation" in command(site, "status").stdout


def test_reload_waits_for_its_end(site: Site, server: Server) -> None:
    before = children(server)
    site.write("two")
    data(site, "reload")
    assert ask(server, "/version") == "two"
    assert data(site, "status")["generation"] == 2
    wait_until(lambda: not children(server) & before, "the old workers have left")


def test_a_reload_that_fails(site: Site, server: Server) -> None:
    site.put("raise RuntimeError('new and broken')")
    done = command(site, "reload")
    assert done.returncode == 1
    assert "new and broken" in done.stdout + done.stderr
    assert "new and broken" in data(site, "status")["last_reload"]
    assert ask(server, "/version") == "one"


def test_scale(site: Site, server: Server) -> None:
    for count in (3, 1):
        data(site, "scale", str(count))
        wait_count(server, count)
    assert command(site, "scale", "0").returncode == 2
    for change, count in (("+2", 3), ("-1", 2)):
        assert data(site, "scale", change) == {"wanted": count}
        wait_count(server, count)
    done = command(site, "scale", "-2")
    assert done.returncode == 1
    assert "2 workers are wanted now, and the least is 1" in done.stderr
    assert data(site, "status")["wanted"] == 2


def test_stacks_of_a_worker_that_hangs(site: Site, server: Server) -> None:
    with server.connect() as wire:
        wire.send(get("/deadlock"))
        server.stdout.wait(lambda text: "stuck" in text, "a call that never ends")
        assert "in wait_for" in command(site, "stacks").stdout
    assert command(site, "stacks", "1").returncode == 1


def test_logs(site: Site, server: Server) -> None:
    data(site, "reload")
    assert any("generation 2" in line for line in data(site, "logs")["lines"])


def test_stop(site: Site, server: Server) -> None:
    data(site, "stop")
    assert server.wait_exit() == 0


def test_every_command_of_the_page_for_people(site: Site, server: Server) -> None:
    """In an order in which each can succeed; its answer is on stdout."""
    worker = min(children(server))
    shown = {
        "status": (("status",), "generation"),
        "scale": (("scale", "2"), "2"),
        "stacks": (("stacks", str(worker)), str(worker)),
        "reload": (("reload",), "done"),
        "logs": (("logs",), "reloading: generation 2"),
        "stop": (("stop",), ""),
    }
    page = (ROOT / "docs" / "reference" / "control.md").read_text()
    assert set(re.findall(r"^\| `tricorn (\w+)", page, re.MULTILINE)) == set(shown)
    for words, text in shown.values():
        done = command(site, *words)
        assert done.returncode == 0, done.stderr
        assert text in done.stdout, words
    assert server.wait_exit() == 0
    assert command(site, "status").returncode == 3


def test_a_start_that_fails_leaves_nothing(site: Site, server: Server) -> None:
    """Another server has the pid file: the socket file of the second one goes again."""
    path = site.directory / "second"
    words = ["--workers", "1", "--bind", f"unix:{path}", "--pid", "pid"]
    done = subprocess.run(
        [sys.executable, "-m", "tricorn", "site_app:app", *words],
        cwd=site.directory,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert str(server.pid) in done.stderr
    assert not path.exists()
    assert (site.directory / "pid").exists()


def test_a_daemon(site: Site) -> None:
    path = site.directory / "control"
    words = ["--workers", "1", "--port", "0", "--daemon", "--control-socket", str(path)]
    started = subprocess.run(
        [sys.executable, "-m", "tricorn", "site_app:app", *words, "--error-log", "errors"],
        cwd=site.directory,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    assert "serving site_app:app" in started.stdout + started.stderr
    status = data(site, "status")
    data(site, "stop")
    wait_until(lambda: not Path(f"/proc/{status['pid']}").exists(), "the daemon has ended")
