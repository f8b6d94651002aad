"""Odd values and poor worlds end with a sentence and a code, never with a traceback."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.kit import Server, wait_until
from tests.kit.process import ended
from tests.process.test_poor_world import POOR
from tests.process.test_workers import children
from tests.process.versions import Site

WORKERS = ("--workers", "2")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes other worlds")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An application."""
    site = Site(tmp_path, "asgi")
    site.write("one")
    return site


def told(site: Site, *options: str, words: tuple[str, ...] = ()) -> tuple[int, str]:
    """The exit code of a server that does not start, and what it says."""
    command = [sys.executable, "-m", "tricorn", "site_app:app", "--port", "0", *options]
    with ended(Server(command, cwd=site.directory, program=(POOR, *words, "--"))) as server:
        code = server.wait_exit()
        text = server.stderr.text()
    assert "Traceback" not in text
    return code, text


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (f"[process]\ntimeout = {'9' * 400}", "process.timeout: the number is too large; the most"),
        (f"[limits]\nhead-size = {'9' * 400}", "limits.head-size: the number is too large"),
        (f"[listen]\nbacklog = {'9' * 400}", "listen.backlog: the number is too large"),
        (f"[process]\ntimeout = {'9' * 5000}", "is not valid TOML"),
        (f"x = {'[' * 5000}", "its tables or arrays are nested too deeply"),
        ('[logs]\nerror-log = "a\\u0000b"', "has a NUL byte"),
        ('[logs]\naccess-log = "a\\u0000b"', "has a NUL byte"),
        ('[operations]\npidfile = "a\\u0000b"', "has a NUL byte"),
    ],
)
def test_files(site: Site, file: str, text: str) -> None:
    (site.directory / "tricorn.toml").write_text(file)
    code, said = told(site, *WORKERS)
    assert code == 2
    assert text in said


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--uds-owner", "99999999999999"), "the most is 4294967294"),
        (("--uds-owner", "²"), "has a number that no user or group has"),
        (("--uds-owner", "root:99999999999999"), "the most is 4294967294"),
        (("--root-path", "/\udcff"), "is not UTF-8"),
        (("--backlog", "9" * 5000), "is not a whole number"),
    ],
)
def test_options(site: Site, options: tuple[str, ...], text: str) -> None:
    code, said = told(site, *options)
    assert code == 2
    assert text in said


@needs_root
def test_a_project_file_that_cannot_be_read(site: Site) -> None:
    """Whether it is about us is in it."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv is not here")
    file = site.directory / "pyproject.toml"
    file.write_text("[tool.tricorn.listen]\nport = 1\n")
    file.chmod(0)
    # Root may read anything, and so may the user of poor.py: only this right is taken away here.
    rights = ("--bounding-set=-dac_read_search,-dac_override", "--inh-caps=-all")
    command = [setpriv, *rights, sys.executable, "-m", "tricorn", "site_app:app"]
    os.chown(file, 54321, 54321)
    with ended(Server(command, cwd=site.directory, program=(POOR, "--"))) as server:
        assert server.wait_exit() == 2
        assert "pyproject.toml: cannot be read: Permission denied" in server.stderr.text()


@needs_root
@pytest.mark.parametrize("room", range(8, 24, 2))
@pytest.mark.parametrize("options", [(), WORKERS], ids=["alone", "workers"])
def test_few_descriptors(site: Site, options: tuple[str, ...], room: int) -> None:
    """It serves, or says what is missing."""
    command = [sys.executable, "-m", "tricorn", "site_app:app", "--port", "0", *options]
    server = Server(command, cwd=site.directory, program=(POOR, f"room={room}", "--"))
    try:
        wait_until(lambda: not server.running() or "serving" in server.stderr.text(), "either")
        if not server.running():
            assert server.wait_exit() == 1
            assert "ulimit -n" in server.stderr.text() or "Too many open" in server.stderr.text()
    finally:
        server.kill()
    assert "Traceback" not in server.stderr.text()


def test_a_deleted_directory(site: Site) -> None:
    """Relative to where it was, there is no application."""
    code, said = told(site, *WORKERS, words=("gone",))
    assert code == 1
    assert "the working directory has been deleted" in said


@needs_root
def test_a_certificate_without_a_home(site: Site) -> None:
    pytest.importorskip("cryptography")
    options = ("--app-dir", str(site.directory), "--tls-self-signed")
    site.directory.chmod(0o755)
    words = ("without=HOME,XDG_CACHE_HOME", "user=54321", "--")
    command = [sys.executable, "-m", "tricorn", "site_app:app", "--port", "0", *options]
    with ended(Server(command, cwd=site.directory, program=(POOR, *words))) as server:
        server.wait_ready(1)


def test_a_pid_file_that_is_a_link_to_nothing(site: Site) -> None:
    (site.directory / "pid").symlink_to("nothing")
    code, said = told(site, *WORKERS, "--pid", "pid")
    assert code == 2
    assert "is a link to nothing" in said


def test_a_reload_that_takes_too_long_says_so(site: Site) -> None:
    options = (*WORKERS, "--boot-timeout", "1")
    command = ["site_app:app", "--port", "0", *options]
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    with ended(Server(command, cwd=site.directory, env=env)) as server:
        server.wait_ready(1)
        before = children(server)
        site.put("import time\ntime.sleep(3600)\n")
        server.send_signal(signal.SIGHUP)
        text = server.stderr.wait(lambda text: "reload failed" in text, "the failure")
        assert "it was not ready after 1 s (--boot-timeout)" in text.split("reload failed")[1]
        assert "SIGKILL" not in text
        assert children(server) == before


@pytest.mark.parametrize(
    "setting", ["--graceful-timeout", "--drain-delay", "--boot-timeout", "--max-lifetime"]
)
def test_times_of_a_year(site: Site, setting: str) -> None:
    """More than the 24.8 days that a system call can wait; a second signal ends the delay."""
    command = ["site_app:app", "--port", "0", *WORKERS, setting, "8760h"]
    with ended(Server(command, cwd=site.directory)) as server:
        server.wait_ready(1)
        server.send_signal(signal.SIGTTIN)
        wait_until(lambda: len(children(server)) == 3, "another worker")
        with server.connect() as wire:
            wire.send(b"GET /wait HTTP/1.1\r\nHost: test\r\n\r\n")
            server.stdout.wait(lambda text: "waiting" in text, "a request in flight")
            server.send_signal(signal.SIGTERM)
            server.stderr.wait(lambda text: "stop" in text, "it stops")
            (site.directory / "go").touch()
            assert wire.response().body == b"/wait"
        if setting == "--drain-delay":
            server.send_signal(signal.SIGTERM)
            assert server.wait_exit() == 1
        else:
            assert server.wait_exit() == 0


@pytest.mark.parametrize("flag", ["--access-log", "--error-log"])
def test_a_pipe_that_nobody_reads(site: Site, flag: str) -> None:
    """To open it would wait for a reader, without a word."""
    pipe = site.directory / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o666)
    words = ("user=54321",) if os.geteuid() == 0 else ()  # root takes no pipe in such a directory
    code, said = told(site, flag, str(pipe), words=words)
    assert code == 2
    assert f'{flag}: cannot open "{pipe}": it is a pipe that nobody reads' in said
