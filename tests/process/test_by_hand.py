"""What somebody meets who starts, watches and stops a server by hand."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.kit import Server, Wire, serve, wait_until
from tests.kit.process import READY, ROOT, Output, ended
from tests.process.conftest import begin_slow, get
from tests.process.test_run import script

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \[\d+\] [A-Z]+ .*")


def tricorn(*words: str, control: Path | None = None) -> subprocess.Popen[str]:
    """Begin a command as a user would."""
    which = () if control is None else ("--control", str(control))
    return subprocess.Popen(
        [sys.executable, "-m", "tricorn", *words, *which],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if words[0] == "status" else subprocess.STDOUT,
        text=True,
    )


@contextmanager
def controlled(tmp_path: Path, app: str = "app_asgi", *options: str) -> Iterator[Server]:
    """A supervised server with a control socket of its own."""
    control = ("--workers", "1", "--control-socket", str(tmp_path / "control"))
    with serve(f"tests.process.{app}:app", *control, *options, app_dir=ROOT) as server:
        yield server


# ---- stop


@pytest.mark.parametrize("app", ["app_asgi", "app_wsgi"])
def test_stop_returns_when_the_server_has_ended(tmp_path: Path, app: str) -> None:
    with (
        controlled(tmp_path, app) as server,
        begin_slow(server) as wire,
        tricorn("stop", control=tmp_path / "control") as stop,
    ):
        assert stop.stdout is not None
        assert "stopping (tricorn stop): 1 request is in flight" in stop.stdout.readline()
        assert stop.poll() is None
        assert wire.ask(b"2").body == b"slow"
        assert stop.wait(30) == 0
        assert Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        assert server.wait_exit() == 0


def test_stop_need_not_wait(tmp_path: Path) -> None:
    with controlled(tmp_path) as server, begin_slow(server) as wire:
        stop = tricorn("stop", "--no-wait", control=tmp_path / "control")
        stop.communicate(timeout=30)
        assert stop.returncode == 0
        assert server.running()
        assert wire.ask(b"2").body == b"slow"
        assert server.wait_exit() == 0


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ((), "stopping gracefully"),
        (("--drain-delay", "60s"), "serving until --drain-delay is over"),
    ],
)
def test_status_of_a_server_that_stops(
    tmp_path: Path, options: tuple[str, ...], state: str
) -> None:
    with controlled(tmp_path, "app_asgi", *options) as server, begin_slow(server):
        server.send_signal(signal.SIGTERM)
        server.stderr.wait(lambda text: "stopping (SIGTERM)" in text, "the stop begins")
        shown, _ = tricorn("status", control=tmp_path / "control").communicate(timeout=30)
        assert re.search(rf"^state +{state}$", shown, re.MULTILINE), shown
        assert server.stop() == 1


# ---- logs


def shown_logs(tmp_path: Path) -> list[str]:
    """The lines that the command shows."""
    done, _ = tricorn("logs", control=tmp_path / "control").communicate(timeout=30)
    return done.splitlines()


@pytest.mark.parametrize("app", ["app_asgi", "app_wsgi"])
def test_logs_have_the_errors_of_the_application(tmp_path: Path, app: str) -> None:
    log = tmp_path / "errors"
    with controlled(tmp_path, app, "--error-log", str(log)) as server:
        with server.connect() as wire:
            assert wire.ask(get("/fail")).status == 500
        wait_until(lambda: "KeyError: '/fail'" in log.read_text(), "the error is logged")
        wait_until(lambda: shown_logs(tmp_path) == log.read_text().splitlines(), "it is shown")
        assert LINE.fullmatch(shown_logs(tmp_path)[0])


def test_logs_survive_a_rotation(tmp_path: Path) -> None:
    log = tmp_path / "errors"
    with controlled(tmp_path, "app_asgi", "--error-log", str(log)) as server:
        log.rename(tmp_path / "errors.1")
        server.send_signal(signal.SIGUSR1)
        wait_until(log.exists, "the log is opened anew")
        with server.connect() as wire:
            assert wire.ask(get("/fail")).status == 500
        wait_until(lambda: "KeyError: '/fail'" in "".join(shown_logs(tmp_path)), "it is shown")


def test_logs_can_be_followed(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(controlled(tmp_path))
        follow = stack.enter_context(tricorn("logs", "-f", control=tmp_path / "control"))
        assert follow.stdout is not None
        output = Output(follow.stdout)
        output.wait(lambda text: "serving tests.process.app_asgi:app" in text, "what was before")
        with server.connect() as wire:
            assert wire.ask(get("/fail")).status == 500
        output.wait(lambda text: "KeyError: '/fail'" in text, "what comes")
        assert server.stop() == 0
        assert follow.wait(30) == 0
        output.finish()
        assert output.text().rstrip().endswith("INFO stopped")


def test_only_the_last_lines(tmp_path: Path) -> None:
    control = tmp_path / "control"
    with controlled(tmp_path) as server:
        everything = shown_logs(tmp_path)
        assert len(everything) > 2
        for count in (0, 1, 2, 5000):
            done, _ = tricorn("logs", "-n", str(count), control=control).communicate(timeout=30)
            assert done.splitlines() == everything[max(0, len(everything) - count) :]
        with tricorn("logs", "-f", "-n", "1", control=control) as follow:
            assert follow.stdout is not None
            assert follow.stdout.readline() == f"{everything[-1]}\n"
            assert server.stop() == 0
            come = follow.stdout.read().splitlines()
            assert come and not set(come) & set(everything)


def test_followers_that_have_gone_leave_room_for_others(tmp_path: Path) -> None:
    with controlled(tmp_path):
        gone = []
        for _ in range(33):
            wire = Wire.connect(tmp_path / "control", deadline=10)
            wire.send(b'{"command": "logs", "follow": true}\n')
            assert wire.incoming.fill()
            gone.append(wire)
            if len(gone) < 32:
                continue
            for one in gone:
                one.close()
        assert shown_logs(tmp_path)


# ---- the access log in development


class Terminal:
    """A server whose stdout is a terminal."""

    def __init__(self, *options: str, **env: str) -> None:
        ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tricorn", "tests.process.app_asgi:app", "--port=0", *options],
            cwd=ROOT,
            env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, **env},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(theirs)
        assert self.process.stderr is not None
        self.stderr = Output(self.process.stderr)
        os.set_blocking(ours, False)
        self.screen = ours
        self._shown = ""

    def shown(self) -> str:
        """What the terminal has been sent."""
        with suppress(OSError):  # nothing more now, or at all
            while data := os.read(self.screen, 4096):
                self._shown += data.decode()
        return self._shown

    def ask(self, path: str) -> None:
        """One request, answered."""
        text = self.stderr.wait(lambda text: READY.search(text) is not None, "the address")
        host, port, _ = READY.findall(text)[0]
        with Wire.connect((host, int(port)), deadline=10) as wire:
            wire.ask(get(path))

    def end(self) -> None:
        """Stop it."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(15) == 0


@pytest.fixture
def terminal() -> Iterator[type[Terminal]]:
    """Starts servers on a terminal; what is left of them is killed."""
    started: list[Terminal] = []

    class Kept(Terminal):
        def __init__(self, *options: str, **env: str) -> None:
            super().__init__(*options, **env)
            started.append(self)

    yield Kept
    for one in started:
        one.process.kill()
        one.process.wait()
        one.stderr.finish()
        os.close(one.screen)


@pytest.mark.parametrize(
    ("options", "env", "line"),
    [
        ((), {}, '"GET /quick HTTP/1.1" \x1b[32m200\x1b[0m'),
        ((), {"NO_COLOR": "1"}, '127.0.0.1 "GET /quick HTTP/1.1" 200 5'),
        (("--color", "never"), {}, '127.0.0.1 "GET /quick HTTP/1.1" 200 5'),
        (("--access-log-format", "%(s)s!"), {}, "200!"),
    ],
)
def test_requests_show_on_a_terminal(
    terminal: type[Terminal], options: tuple[str, ...], env: dict[str, str], line: str
) -> None:
    server = terminal(*options, **env)
    server.ask("/quick")
    wait_until(lambda: line in server.shown(), line)
    server.end()


def test_errors_stand_out(terminal: type[Terminal]) -> None:
    server = terminal()
    server.ask("/fail")
    line = '"GET /fail HTTP/1.1" \x1b[31m500\x1b[0m'
    wait_until(lambda: line in server.shown(), line)
    server.end()


@pytest.mark.parametrize("options", [("--no-access-log",), ("--workers", "1")])
def test_they_do_not_show(terminal: type[Terminal], options: tuple[str, ...]) -> None:
    server = terminal(*options)
    server.ask("/quick")
    server.end()
    assert "quick" not in server.shown()


def test_they_show_with_reload() -> None:
    options = ("--reload", "--reload-engine", "poll")
    with serve("tests.process.app_asgi:app", *options, app_dir=ROOT) as server:
        with server.connect() as wire:
            assert wire.ask(get("/quick")).status == 200
        server.stdout.wait(lambda text: '"GET /quick HTTP/1.1" 200 5' in text, "the line")


def test_in_production_they_do_not() -> None:
    with serve("tests.process.app_asgi:app", app_dir=ROOT) as server:
        with server.connect() as wire:
            assert wire.ask(get("/quick")).status == 200
        assert server.stop() == 0
        assert server.stdout.text() == ""


# ---- riddles


def test_status_of_one_process() -> None:
    status = tricorn("status", "--control", "nowhere")
    _, stderr = status.communicate(timeout=30)
    assert status.returncode == 3
    assert "only a server with worker processes has a control socket" in stderr
    assert "--workers 1" in stderr


@pytest.mark.parametrize("app", ["app", '"main:app"'])
def test_run_in_a_running_loop(tmp_path: Path, app: str) -> None:
    code = f"""
    import asyncio
    async def main(): tricorn.run({app}, port=0)
    try: asyncio.run(main())
    except tricorn.ConfigError as error: print(error)"""
    with ended(script(tmp_path, code.lstrip())) as server:
        assert server.wait_exit() == 0
        said = server.stdout.text()
        assert "run() serves in a loop of its own, and there is one running here" in said
        assert "await tricorn.Server(app, tricorn.Config.make(...)).serve()" in said
        assert "never awaited" not in server.stderr.text()


def test_run_with_the_access_log_on(tmp_path: Path) -> None:
    with ended(script(tmp_path, "tricorn.run(app, port=0, access_log=True)")) as server:
        server.wait_ready(1)
        with server.connect() as wire:
            wire.ask(get("/quick"))
        server.stdout.wait(lambda text: "GET /quick" in text, "the line")
        assert server.stop() == 0
