"""``tricorn status`` and its kin as real processes, against a real control socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.kit.process import ROOT

Done = subprocess.CompletedProcess[str]
UNLIKELY_UID = 54322


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRICORN_")}
    search = os.pathsep.join(map(str, (ROOT / "python", ROOT)))
    return kept | {"PYTHONPATH": search, **more}


def tricorn(*arguments: str, cwd: Path = ROOT, **env: str) -> Done:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tricorn", *arguments],
        cwd=cwd,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class Running:
    """A program with a control socket, and where that is."""

    def __init__(self, setting: str, cwd: Path, app: str, *more: str, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.process.control_main", setting, app, *more],
            cwd=cwd,
            env=environment(**env),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.path = self.process.stdout.readline().strip()
        assert self.path, "it did not start"

    @property
    def pid(self) -> str:
        """The process id, as it is typed."""
        return str(self.process.pid)


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start programs; those that still run at the end are killed."""
    started: list[Running] = []

    def start(
        setting: str = "", cwd: Path = tmp_path, app: str = "main:app", *more: str
    ) -> Running:
        setting = setting or str(tmp_path / "control.sock")
        started.append(Running(setting, cwd, app, *more, XDG_RUNTIME_DIR=str(tmp_path)))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


# ---- what is shown


def test_status_for_people(start: Start) -> None:
    running = start()
    done = tricorn("status", "--control", running.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "app        main:app\n"
        f"pid        {running.pid}\n"
        "uptime     1h 2m\n"
        "addresses  http://127.0.0.1:8000, unix:/run/app.sock\n"
        "reloading  no\n"
        "\n"
        "workers\n"
        "  number  pid  state     in flight  memory\n"
        "  1       11   serving   4          52.0 MiB\n"
        "  2       12   starting  0          -\n"
        "\n"
        "last reload\n"
        "  ImportError: no\n"
        "    at ?[31mmain.py\n"
    )


def test_status_for_programs(start: Start) -> None:
    running = start()
    done = tricorn("status", "--json", "--control", running.path)
    assert (done.returncode, done.stderr) == (0, "")
    status = json.loads(done.stdout)
    assert status["pid"] == int(running.pid)
    assert status["workers"][1]["memory"] is None


def test_a_reload_that_fails(start: Start) -> None:
    running = start()
    done = tricorn("reload", "--control", running.path)
    assert done.returncode == 1
    assert done.stdout == "generation 2 is starting\n"
    assert done.stderr == "tricorn: generation 2 did not start: ImportError\n"


def test_a_reload_that_fails_for_programs(start: Start) -> None:
    running = start()
    done = tricorn("reload", "--json", "--control", running.path)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"error": "generation 2 did not start: ImportError"}
    assert done.stderr == "generation 2 is starting\n"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["scale", "4"], "workers  4\n"),
        (["scale", "+1"], "workers  +1\n"),
        (["scale", "-12"], "workers  -12\n"),
        (["stacks", "77"], "pid  77\n"),
        (["stacks"], "pid  -\n"),
        (["logs"], "one\ntwo\n"),
    ],
)
def test_arguments_go_with_the_command(start: Start, arguments: list[str], shown: str) -> None:
    done = tricorn(*arguments, "--control", start().path)
    assert (done.returncode, done.stdout, done.stderr) == (0, shown, "")


def test_stop_lasts_until_the_server_has_ended(start: Start) -> None:
    running = start()
    done = tricorn("stop", "--control", running.path)
    assert (done.returncode, done.stdout) == (0, "waiting for 1 request\n")
    assert running.process.wait(10) == 0
    assert not Path(running.path).exists()


def test_a_server_that_ends_without_an_answer(start: Start) -> None:
    running = start("", ROOT, "main:app", "abrupt")
    done = tricorn("stop", "--control", running.path)
    assert done.returncode == 3
    assert done.stderr.endswith("ended before it had answered\n")


def test_ctrl_c_ends_a_command_that_waits(start: Start, tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as mute:
        mute.bind(str(tmp_path / "mute.sock"))
        mute.listen()
        command = [sys.executable, "-m", "tricorn", "status", "--control", "mute.sock"]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment())
        connection, _ = mute.accept()
        with closing(connection):
            connection.recv(100)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130


# ---- which server


def test_a_server_is_named_by_pid_app_directory_or_path(start: Start, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    app = f"shop_{os.getpid()}:app"
    running = start("auto", here, app)
    assert running.path == str(tmp_path / "tricorn" / f"tricorn-{running.pid}.sock")
    for which in (running.pid, app, str(here), running.path):
        done = tricorn("logs", "--control", which)
        assert (done.returncode, done.stdout) == (0, "one\ntwo\n"), which


def test_of_several_the_one_of_this_directory_is_meant(start: Start, tmp_path: Path) -> None:
    directories = [tmp_path / name for name in "ab"]
    for directory in directories:
        directory.mkdir()
    pids = [start("auto", directory).pid for directory in directories]
    for directory, pid in zip(directories, pids, strict=True):
        done = tricorn("status", "--json", cwd=directory)
        assert json.loads(done.stdout)["pid"] == int(pid)


def test_the_server_of_another_directory_is_looked_at_only(start: Start, tmp_path: Path) -> None:
    """A mistyped directory must not cost somebody else the server."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    running = start("auto", elsewhere)
    for command in (["stop"], ["reload"], ["scale", "3"]):
        done = tricorn(*command, cwd=tmp_path)
        assert done.returncode == 2
        assert f"  {running.pid}  main:app  in {elsewhere}\n" in done.stderr
        assert "no server was started here" in done.stderr


def test_of_several_one_must_be_named(start: Start, tmp_path: Path) -> None:
    pids = [start("auto", tmp_path).pid for _ in range(2)]
    done = tricorn("stop", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("tricorn: several servers run; name one with --control PID\n")
    for pid in pids:
        assert f"  {pid}  main:app  in {tmp_path}\n" in done.stderr


def test_the_socket_that_the_configuration_names(start: Start, tmp_path: Path) -> None:
    running = start()
    (tmp_path / "tricorn.toml").write_text('[operations]\ncontrol-socket = "control.sock"\n')
    start("auto", tmp_path)
    assert json.loads(tricorn("status", "--json", cwd=tmp_path).stdout)["pid"] == int(running.pid)


def test_a_broken_configuration_is_no_hindrance(start: Start, tmp_path: Path) -> None:
    running = start("auto", tmp_path)
    (tmp_path / "tricorn.toml").write_text("broken")
    assert json.loads(tricorn("status", "--json", cwd=tmp_path).stdout)["pid"] == int(running.pid)


def test_a_server_that_hangs_is_passed_over(start: Start, tmp_path: Path) -> None:
    directory = tmp_path / "tricorn"
    directory.mkdir(mode=0o700)
    with closing(socket.socket(socket.AF_UNIX)) as mute:
        mute.bind(str(directory / "tricorn-1.sock"))
        mute.listen()
        running = start("auto", tmp_path)
        done = tricorn("status", "--json", cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path))
        assert json.loads(done.stdout)["pid"] == int(running.pid)


def test_a_server_that_hangs_is_not_taken_for_missing(tmp_path: Path) -> None:
    directory = tmp_path / "tricorn"
    directory.mkdir(mode=0o700)
    path = directory / "tricorn-1.sock"
    with closing(socket.socket(socket.AF_UNIX)) as mute:
        mute.bind(str(path))
        mute.listen()
        done = tricorn("status", "--control", "1", XDG_RUNTIME_DIR=str(tmp_path))
        assert done.returncode == 3
        assert done.stderr == (
            f"tricorn: the server at {path} does not answer within 2 s; it may be busy, try again\n"
        )
        done = tricorn("status", "--control", "no_such:app", XDG_RUNTIME_DIR=str(tmp_path))
        assert done.returncode == 3
        assert f"; the server at {path} does not answer within 2 s" in done.stderr


# ---- mistakes


def test_nobody_listens(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as stale:
        stale.bind(str(tmp_path / "stale.sock"))
    done = tricorn("status", "--control", str(tmp_path / "stale.sock"))
    assert done.returncode == 3
    assert done.stderr == f"tricorn: no server listens on {tmp_path}/stale.sock\n"


def test_nothing_has_that_name(tmp_path: Path) -> None:
    done = tricorn("status", "--control", "no_such:app")
    assert done.returncode == 3
    assert done.stderr.startswith(
        'tricorn: --control "no_such:app": no server has that socket, pid, APP or directory'
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be a user who has no server")
def test_no_server_runs() -> None:
    from tricorn.cli.instances import choose
    from tricorn.errors import ControlError

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setuid(UNLIKELY_UID)
        try:
            os.write(writing, str(choose(None, None)).encode())
        except ControlError as error:
            os.write(writing, f"{error.exit_code}: {error}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == (
            "3: no server of yours that can be asked runs here; only a server with worker "
            "processes has a control socket: start it with --workers 1 or more"
        )
    os.waitpid(child, 0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["scale"], "Missing argument 'N|+N|-N'"),
        (["scale", "0"], '"0" is not a number of workers; write N from 1, or +N or -N for so many'),
        (["scale", "many"], '"many" is not a number of workers; write N'),
        (["scale", "+0"], '"+0" is not a number of workers; write N'),
        (["scale", "--jsn"], "No such option '--jsn'"),
        (["scale", "3", "--jsn"], "No such option '--jsn'"),
        (["scale", "3", "4"], "tricorn scale --control 4"),
        (["stacks", "x"], "'x' is not a valid integer"),
        (["status", "main:app"], "tricorn status --control main:app"),
        (["status", "--port", "1"], "No such option '--port'; to name the server, write tricorn "),
        (
            ["stop", "-p", "1"],
            "No such option '-p'; to name the server, write tricorn stop --control",
        ),
        (["scale", "3", "-b", "x"], "No such option '-b'; to name the server, write"),
        (["status", "--jsn"], "No such option '--jsn'; did you mean --json?"),
        (["logs", "-n", "x"], "'x' is not a valid integer"),
    ],
)
def test_usage(arguments: list[str], reason: str) -> None:
    done = tricorn(*arguments)
    assert done.returncode == 2
    assert reason in done.stderr
    assert f'Try "tricorn {arguments[0]} --help".' in done.stderr


def test_help_lists_the_commands() -> None:
    shown = tricorn("--help").stdout
    for name in ("check", "status", "reload", "scale", "stacks", "stop", "logs"):
        assert f"\n  {name} " in shown
    assert "Commands" not in tricorn("check", "--help").stdout
    assert tricorn("scale", "--help").stdout.startswith("Usage: tricorn scale [OPTIONS] N|+N|-N\n")
