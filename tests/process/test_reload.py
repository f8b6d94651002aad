"""Reloading workers: new code and settings without a lost request, also when it fails."""

from __future__ import annotations

import select
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kit import Server, serve, wait_until
from tests.process.conftest import get
from tests.process.test_workers import KINDS, ask, children, wait_count, wait_replaced
from tests.process.versions import Site

ENV = {"PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """The application, version one, with its options in a file."""
    interface, flag, value = KINDS[request.param]
    site = Site(tmp_path, interface)
    site.write("one")
    section = {"--loop": "asgi", "--threads": "process"}[flag]
    quoted = f'"{value}"' if flag == "--loop" else value
    lines = [f"[{section}]", f"{flag[2:]} = {quoted}"]
    if section != "process":
        lines.append("[process]")
    (tmp_path / "tricorn.toml").write_text("\n".join([*lines, "workers = 2", ""]))
    return site


def set_workers(site: Site, count: str) -> None:
    """Change the file's number of workers."""
    path = site.directory / "tricorn.toml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("workers")]
    path.write_text("\n".join([*kept, f"workers = {count}", ""]))


def test_new_code_takes_over(site: Site) -> None:
    with serve("site_app:app", app_dir=site.directory, env=ENV) as server:
        for version in ("two", "three"):
            before = children(server)
            site.write(version)
            server.send_signal(signal.SIGHUP)
            wait_replaced(server, before)
            assert len(children(server)) == 2
            assert ask(server, "/version") == version


def test_clients_are_told_and_never_cut(site: Site) -> None:
    """A keep-alive client goes on through reloads; it is told to close with a response."""
    with serve("site_app:app", app_dir=site.directory, env=ENV) as server:
        old = children(server)
        site.write("two")
        wire = server.connect()
        assert wire.ask(get("/version")).body == b"one"
        server.send_signal(signal.SIGHUP)
        versions = set()
        while children(server) & old or b"two" not in versions:
            answer = wire.ask(get("/version"))
            versions.add(answer.body)
            if answer.says("close"):
                assert wire.ended()
                wire.close()
                wire = server.connect()
        wire.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise RuntimeError('new and broken')", "new and broken"),
        ("import os; os._exit(4)", "exit code 4"),
        ("def nothing(): pass", "app"),
    ],
)
def test_broken_code_leaves_the_old_serving(site: Site, text: str, told: str) -> None:
    with serve("site_app:app", app_dir=site.directory, env=ENV) as server:
        before = children(server)
        site.put(text)
        server.send_signal(signal.SIGHUP)
        server.stderr.wait(lambda text: "reload failed" in text and told in text, "the reason")
        wait_until(lambda: children(server) == before, "the old workers alone")
        assert ask(server, "/version") == "one"
        site.write("two")
        server.send_signal(signal.SIGHUP)
        wait_replaced(server, before)
        assert ask(server, "/version") == "two"


def test_a_start_up_that_fails_leaves_the_old_serving(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    with serve("site_app:app", "--workers", "2", app_dir=tmp_path, env=ENV) as server:
        before = children(server)
        site.write("two", startup="failed")
        server.send_signal(signal.SIGHUP)
        server.stderr.wait(lambda text: "no database" in text, "the reason")
        wait_until(lambda: children(server) == before, "the old workers alone")
        assert ask(server, "/version") == "one"


def test_broken_settings_leave_the_old_serving(site: Site) -> None:
    with serve("site_app:app", app_dir=site.directory, env=ENV) as server:
        before = children(server)
        set_workers(site, "-1")
        server.send_signal(signal.SIGHUP)
        server.stderr.wait(lambda text: "reload failed" in text, "the failure")
        assert "workers" in server.stderr.text()
        assert children(server) == before
        assert ask(server, "/version") == "one"


def test_the_number_of_workers_is_read_again(site: Site) -> None:
    with serve("site_app:app", app_dir=site.directory, env=ENV) as server:
        for count in (3, 1):
            before = children(server)
            set_workers(site, str(count))
            server.send_signal(signal.SIGHUP)
            wait_replaced(server, before)
            wait_count(server, count)
            assert ask(server, "/version") == "one"


def bind(site: Site, *addresses: str) -> None:
    """Change the addresses in the file."""
    path = site.directory / "tricorn.toml"
    text = path.read_text().partition("[listen]")[0]
    quoted = ", ".join(f'"{address}"' for address in addresses)
    path.write_text(f"{text}[listen]\nbind = [{quoted}]\n")


def test_addresses_come_and_go(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    (tmp_path / "tricorn.toml").write_text("[process]\nworkers = 1\n")
    first, second = (f"unix:{tmp_path / name}" for name in ("first", "second"))
    bind(site, first)
    server = Server(["site_app:app"], cwd=tmp_path, env=ENV)
    try:
        server.wait_ready(1)
        bind(site, first, second)
        server.send_signal(signal.SIGHUP)
        wait_until((tmp_path / "second").exists, "the second address")
        assert ask(server, "/version") == "one"
        bind(site, second)
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: not (tmp_path / "first").exists(), "the first has gone")
        assert (tmp_path / "second").exists()
        assert server.stop() == 0
        assert not (tmp_path / "second").exists()
    finally:
        server.kill()


def test_logs_that_cannot_be_opened_leave_the_old_serving(tmp_path: Path) -> None:
    """And the address that was opened before is closed again."""
    site = Site(tmp_path, "asgi")
    site.write("one")
    first, second = (f"unix:{tmp_path / name}" for name in ("first", "second"))
    (tmp_path / "tricorn.toml").write_text("[process]\nworkers = 1\n")
    bind(site, first)
    server = Server(["site_app:app"], cwd=tmp_path, env=ENV)
    try:
        server.wait_ready(1)
        bind(site, first, second)
        with (tmp_path / "tricorn.toml").open("a") as file:
            file.write('[logs]\nerror-log = "no/such/directory/file"\n')
        server.send_signal(signal.SIGHUP)
        server.stderr.wait(lambda text: "reload failed" in text, "the reason")
        assert "no/such/directory/file" in server.stderr.text()
        assert not (tmp_path / "second").exists()
        assert ask(server, "/version") == "one"
        assert server.stop() == 0
    finally:
        server.kill()


def test_an_address_that_is_taken_leaves_the_old_serving(site: Site, tmp_path: Path) -> None:
    with serve("site_app:app", app_dir=site.directory, env=ENV) as other:
        assert isinstance(other.address, tuple)
        taken = f"127.0.0.1:{other.address[1]}"
        second = tmp_path / "second"
        second.mkdir()
        moved = Site(second, site.interface)
        moved.write("one")
        (second / "tricorn.toml").write_text("[process]\nworkers = 1\n")
        bind(moved, f"unix:{second / 'socket'}")
        server = Server(["site_app:app"], cwd=second, env=ENV)
        try:
            server.wait_ready(1)
            bind(moved, f"unix:{second / 'socket'}", taken)
            server.send_signal(signal.SIGHUP)
            server.stderr.wait(lambda text: "reload failed" in text and taken in text, "why")
            assert ask(server, "/version") == "one"
            assert server.stop() == 0
        finally:
            server.kill()


TRIAL = ("--rollback-errors", "20", "--rollback-after", "10")


def test_new_code_that_answers_with_errors_is_rolled_back(site: Site) -> None:
    with serve("site_app:app", *TRIAL, app_dir=site.directory, env=ENV) as server:
        before = children(server)
        assert ask(server, "/version") == "one"
        site.write("two")
        code = (site.directory / "site_app.py").read_text()
        site.put(code.replace("return VERSION", "raise RuntimeError('new and broken')"))
        server.send_signal(signal.SIGHUP)
        told = "responses are errors, and 0 % of the old code's (--rollback-errors)"
        while told not in server.stderr.text():
            with server.connect() as wire:
                assert wire.ask(get("/version")).status in (200, 500)
            assert children(server) >= before
        wait_until(lambda: children(server) == before, "the old workers alone")
        assert ask(server, "/version") == "one"
        assert ask(server, "/other") == "/other"


def test_new_code_that_does_not_answer_is_rolled_back(site: Site) -> None:
    options = (*TRIAL, "--rollback-window", "3s", "--graceful-timeout", "1")
    with (
        serve("site_app:app", *options, app_dir=site.directory, env=ENV) as server,
        ExitStack() as stack,
    ):
        before = children(server)
        code = (site.directory / "site_app.py").read_text()
        site.put(code.replace("return VERSION", "time.sleep(3600)"))
        server.send_signal(signal.SIGHUP)
        wait_count(server, 3)
        while "(--rollback-errors)" not in server.stderr.text():
            assert "generation 2 serves" not in server.stderr.text()
            wire = stack.enter_context(server.connect())
            wire.send(get("/version"))
            select.select([], [], [], 0.02)  # the pace of the clients
        wait_until(lambda: children(server) == before, "the old workers alone")
        assert ask(server, "/version") == "one"


def test_a_fault_that_hits_old_and_new_code_takes_nothing_back(site: Site) -> None:
    """As a database that goes away in that minute, after the old code has served well for long."""
    code = (site.directory / "site_app.py").read_text()
    fault = (
        "if os.path.exists('fault'):\n                raise OSError('no database')\n            "
    )
    site.put(code.replace("return VERSION", f"{fault}return VERSION"))
    with serve("site_app:app", *TRIAL, app_dir=site.directory, env=ENV) as server:
        for _ in range(200):
            assert ask(server, "/version") == "one"
        (site.directory / "fault").touch()
        server.send_signal(signal.SIGHUP)
        while "generation 2 serves" not in server.stderr.text():
            assert "reload failed" not in server.stderr.text()
            with server.connect() as wire:
                assert wire.ask(get("/version")).status == 500


def test_new_code_that_answers_well_takes_over(site: Site) -> None:
    with serve("site_app:app", *TRIAL, app_dir=site.directory, env=ENV) as server:
        before = children(server)
        site.write("two")
        server.send_signal(signal.SIGHUP)
        versions = set()
        while children(server) & before:
            versions.add(ask(server, "/version"))
        assert versions == {"one", "two"}
        assert ask(server, "/version") == "two"
