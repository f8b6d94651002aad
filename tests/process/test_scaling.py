"""--workers MIN..MAX: more workers when requests wait, fewer when it is quiet."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import Server, serve, wait_until
from tests.process.conftest import get
from tests.process.test_control_commands import tricorn
from tests.process.test_workers import KINDS, ask, children, wait_count, wait_replaced
from tests.process.versions import Site
from tricorn.cli.instances import ask as ask_control

ENV = {"PYTHONDONTWRITEBYTECODE": "1"}
RANGE = ("--workers", "1..3", "--scale-down-after", "2s")


@contextmanager
def crowd(server: Server) -> Iterator[None]:
    """Clients that keep every worker busy, each with connections of its own."""
    ended = threading.Event()
    wrong: list[int] = []

    def client() -> None:
        while not ended.is_set():
            with server.connect(deadline=30) as wire:
                status = wire.ask(get("/nap")).status
                if status != 200:
                    wrong.append(status)

    threads = [threading.Thread(target=client) for _ in range(12)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        assert not wrong


@pytest.mark.parametrize("kind", ["asgi-asyncio", "wsgi-4"])
def test_the_number_follows_the_load(kind: str, tmp_path: Path) -> None:
    site = Site(tmp_path, KINDS[kind][0])
    site.write("one")
    with serve("site_app:app", *RANGE, *KINDS[kind][1:], app_dir=tmp_path) as server:
        assert len(children(server)) == 1
        with crowd(server):
            server.stderr.wait(
                lambda text: "2 workers are wanted now: requests wait" in text, "more", deadline=30
            )
            wait_until(lambda: len(children(server)) >= 2, "another worker")
        wait_until(lambda: len(children(server)) == 1, "the first number", deadline=30)
        assert "nobody has waited for" in server.stderr.text()
        assert ask(server, "/version") == "one"


WANTED = "workers are wanted now"


def changes(server: Server) -> int:
    """How often a number of workers was asked for."""
    return server.stderr.text().count(WANTED)


def has_more(before: int) -> Callable[[str], bool]:
    """Whether a text says so more often."""
    return lambda text: text.count(WANTED) > before


def test_the_range_bounds_what_is_asked_for(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    with serve("site_app:app", "--workers", "1..3", app_dir=tmp_path) as server:
        for wanted in (2, 3, 3):
            before = changes(server)
            server.send_signal(signal.SIGTTIN)
            server.stderr.wait(has_more(before), "the change")
            wait_count(server, wanted)


def test_a_reload_keeps_the_number_that_the_load_needs(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    with serve("site_app:app", "--workers", "1..4", app_dir=tmp_path, env=ENV) as server:
        server.send_signal(signal.SIGTTIN)
        wait_count(server, 2)
        before = children(server)
        server.send_signal(signal.SIGHUP)
        wait_replaced(server, before)
        wait_count(server, 2)


def test_the_supervisor_listens_while_it_starts_many(tmp_path: Path) -> None:
    """Far more than are started before it is heard; nobody starts after the stop."""
    site = Site(tmp_path, "wsgi")
    site.write("one")
    path = tmp_path / "control"
    options = ("--workers", "1", "--control-socket", str(path))
    with serve("site_app:app", *options, app_dir=tmp_path, env=ENV) as server:
        scaling = ask_control(path, {"command": "scale", "workers": 600})
        assert next(scaling) == {"text": "512 workers are the most"}
        *_, status = ask_control(path, {"command": "status"})
        assert status["data"]["wanted"] == 512
        assert len(status["data"]["workers"]) < 512
        assert server.stop(signal.SIGQUIT) == 0
        assert server.stderr.text().count(" starts, of generation 1") < 512


def test_a_command_lasts_until_the_workers_answer(tmp_path: Path) -> None:
    site = Site(tmp_path, "wsgi")
    site.write("one")
    path = tmp_path / "control"
    options = ("--workers", "1", "--control-socket", str(path))
    with serve("site_app:app", *options, app_dir=tmp_path, env=ENV) as server:
        site.put("import time\ntime.sleep(1)\n" + (tmp_path / "site_app.py").read_text())
        done = tricorn("scale", "3", "--control", str(path))
        assert (done.returncode, done.stdout) == (0, "wanted  3\n")
        *_, status = ask_control(path, {"command": "status"})
        assert [one["state"] for one in status["data"]["workers"]] == ["ready"] * 3
        assert tricorn("scale", "1", "--control", str(path)).returncode == 0
        wait_count(server, 1)


def test_a_command_says_that_workers_do_not_come(tmp_path: Path) -> None:
    site = Site(tmp_path, "wsgi")
    site.write("one")
    path = tmp_path / "control"
    options = ("--workers", "1", "--boot-timeout", "1s", "--control-socket", str(path))
    with serve("site_app:app", *options, app_dir=tmp_path, env=ENV):
        site.put("import time\ntime.sleep(3600)")
        done = tricorn("scale", "2", "--control", str(path))
        assert done.returncode == 1
        why = "1 of 2 workers answer after 1 s; the server goes on trying"
        assert done.stderr == f"tricorn: {why}\n"


def test_a_command_says_what_the_range_allows(tmp_path: Path) -> None:
    site = Site(tmp_path, "wsgi")
    site.write("one")
    path = tmp_path / "control"
    options = ("--workers", "2..3", "--control-socket", str(path))
    with serve("site_app:app", *options, app_dir=tmp_path, env=ENV):
        done = tricorn("scale", "1", "--control", str(path))
        assert (done.returncode, done.stdout) == (0, "2 workers are the least\nwanted  2\n")
        done = tricorn("scale", "5", "--control", str(path))
        assert (done.returncode, done.stdout) == (0, "3 workers are the most\nwanted  3\n")


def test_a_reload_tells_that_it_takes_the_number_of_the_configuration(tmp_path: Path) -> None:
    site = Site(tmp_path, "wsgi")
    site.write("one")
    control = ("--control", str(tmp_path / "control"))
    options = ("--workers", "1", "--control-socket", control[1])
    with serve("site_app:app", *options, app_dir=tmp_path, env=ENV) as server:
        assert tricorn("scale", "3", *control).returncode == 0
        said = "1 worker is wanted now (command line --workers), and not 3 as before\n"
        done = tricorn("reload", *control)
        assert (done.returncode, done.stdout) == (0, f"{said}reload  done\n")
        assert f" INFO {said}" in server.stderr.text()
        wait_count(server, 1)
        assert tricorn("reload", *control).stdout == "reload  done\n"
