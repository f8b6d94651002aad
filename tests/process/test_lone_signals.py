"""Signals that are for a supervisor, sent to a process that serves without one."""

from __future__ import annotations

import os
import pty
import signal
from pathlib import Path

import pytest

from tests.kit import Server, wait_until
from tests.kit.process import ROOT, ended
from tests.process.conftest import Start, get, handles
from tests.process.test_run import script
from tests.process.test_signals import holds
from tests.process.test_workers import ask
from tests.process.versions import Site

UP = "is ignored: upgrading in place needs --workers"
COUNT = "is ignored: changing the number of workers needs --workers"
IGNORED = {signal.SIGUSR2: UP, signal.SIGTTIN: COUNT, signal.SIGTTOU: COUNT}
ON_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(int(sys.argv[1]), termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "tricorn", *sys.argv[2:]])
"""
FAULTHANDLER = "import faulthandler, signal; faulthandler.register(signal.SIGUSR1)"
OWN = "import signal; signal.signal(signal.SIGUSR1, lambda *_: print('mine', flush=True))"


@pytest.mark.parametrize("number", IGNORED)
def test_those_that_need_workers(start: Start, number: signal.Signals) -> None:
    with start() as server:
        for times in (1, 2):
            server.send_signal(number)
            said = f"WARNING {number.name} {IGNORED[number]}\n"
            server.stderr.wait(lambda text: text.count(said) == times, said)  # noqa: B023
            assert ask(server, "/quick") == "quick"


def test_the_logs_are_opened_anew(start: Start, tmp_path: Path) -> None:
    access, errors, old = tmp_path / "access", tmp_path / "errors", tmp_path / "old"
    with start("--access-log", str(access), "--error-log", str(errors)) as server:
        ask(server, "/quick")
        wait_until(lambda: "/quick" in access.read_text(), "the request is logged")
        old.mkdir()
        access.rename(old / "access")
        errors.rename(old / "errors")
        server.send_signal(signal.SIGUSR1)
        for name in ("access", "errors"):
            wait_until(lambda: not holds(server.pid, old / name), f"{name} is let go")  # noqa: B023
        ask(server, "/quick")
        wait_until(lambda: "/quick" in access.read_text(), "the request is logged")
        assert (old / "access").read_text().count("/quick") == 1
        assert server.stop() == 0
        assert "stopping" in errors.read_text()


def test_logs_that_can_not_be_opened_anew(start: Start, tmp_path: Path) -> None:
    errors, old = tmp_path / "errors", tmp_path / "old"
    with start("--error-log", str(errors)) as server:
        errors.rename(old)
        errors.mkdir()
        server.send_signal(signal.SIGUSR1)
        wait_until(lambda: "could not be opened anew" in old.read_text(), "the mistake")
        assert ask(server, "/quick") == "quick"


def test_while_the_application_is_loaded(tmp_path: Path) -> None:
    """They change nothing."""
    site = Site(tmp_path, "asgi")
    site.write("one")
    text = (tmp_path / "site_app.py").read_text()
    site.put("import sys\nprint('loading', flush=True)\nsys.stdin.read()\n" + text)
    waiting, go = os.pipe()
    with ended(Server(["site_app:app", "--port", "0"], cwd=tmp_path, stdin=waiting)) as server:
        os.close(waiting)
        server.stdout.wait(lambda text: "loading" in text, "the import")
        for number in (signal.SIGUSR1, *IGNORED):
            server.send_signal(number)
        os.close(go)
        server.wait_ready(1)
        assert ask(server, "/version") == "one"


@pytest.mark.parametrize(
    ("code", "output", "said"),
    [(FAULTHANDLER, "stderr", "most recent call first"), (OWN, "stdout", "mine")],
)
@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_what_the_application_does_with_them_stays(
    interface: str, code: str, output: str, said: str, tmp_path: Path
) -> None:
    site = Site(tmp_path, interface)
    site.write("one")
    site.put(f"{code}\n{(tmp_path / 'site_app.py').read_text()}")
    with ended(Server(["site_app:app", "--port", "0"], cwd=tmp_path)) as server:
        server.wait_ready(1)
        server.send_signal(signal.SIGUSR1)
        getattr(server, output).wait(lambda text: said in text, said)
        assert ask(server, "/version") == "one"


@pytest.mark.parametrize(
    ("code", "output", "said"),
    [(FAULTHANDLER, "stderr", "most recent call first"), (OWN, "stdout", "mine")],
)
def test_what_a_program_does_with_them_stays(
    code: str, output: str, said: str, tmp_path: Path
) -> None:
    with ended(script(tmp_path, f"{code}; tricorn.run(app, port=0)")) as server:
        server.wait_ready(1)
        server.send_signal(signal.SIGUSR1)
        getattr(server, output).wait(lambda text: said in text, said)
        assert ask(server, "/quick") == "quick"


def test_a_program_gets_them_back(tmp_path: Path) -> None:
    after = "import os, signal; os.kill(os.getpid(), signal.SIGUSR1)"
    with ended(script(tmp_path, f"tricorn.run(app, port=0); {after}")) as server:
        server.wait_ready(1)
        server.send_signal(signal.SIGTERM)
        assert server.wait_exit() == -signal.SIGUSR1


def test_a_terminal_suspends_who_reads_from_it() -> None:
    """A call that is only interrupted would try again for ever."""
    leading, following = pty.openpty()
    args = [str(following), "tests.process.app_asgi:app", "--port", "0"]
    program = ("-c", ON_TERMINAL)
    with ended(Server(args, cwd=ROOT, program=program, pass_fds=(following,))) as server:
        server.wait_ready(1)
        numbers = (signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU)
        assert [handles(server, number) for number in numbers] == [True, False, False]
        with server.connect() as wire:
            assert wire.ask(get("/quick")).body == b"quick"
    os.close(leading)
    os.close(following)
