"""What a worker, a client or another user may have written does not reach a terminal as it is."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.kit import serve, wait_until
from tests.kit.process import ROOT
from tests.process.conftest import begin_slow
from tests.process.test_control_commands import tricorn
from tests.process.test_workers import children
from tricorn.cli.instances import ask
from tricorn.errors import ControlError

EVIL = "\x1b[2J\x9b\u202e"
"""It clears a screen, begins a sequence with one character, and turns the text behind it around."""


def test_rows_of_a_worker() -> None:
    """A worker that was taken over writes what it likes into its rows of the table of requests."""
    with serve("tests.process.app_asgi:app", "--workers", "1", app_dir=ROOT) as server:
        (worker,) = children(server)
        with begin_slow(server):
            write_over(worker, b"POST /slow", b"POST /\x1b[2m")
            os.kill(worker, signal.SIGKILL)
            text = server.stderr.wait(lambda text: "; in flight: POST /" in text, "what it had")
            assert "\x1b" not in text


def write_over(pid: int, old: bytes, new: bytes) -> None:
    """Change the memory that a worker shares with its supervisor."""
    done = 0
    with Path(f"/proc/{pid}/mem").open("rb+", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if rights.startswith("rw-s"):
                start, end = (int(part, 16) for part in span.split("-"))
                memory.seek(start)
                at = memory.read(end - start).find(old)
                if at >= 0:
                    memory.seek(start + at)
                    done += memory.write(new)
    assert done == len(old) == len(new)


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_json_lines(interface: str, tmp_path: Path) -> None:
    """C1 characters and those that turn text around: terminals obey them in UTF-8, too."""
    log = tmp_path / "log"
    options = ("--access-log", str(log), "--access-log-format", "json")
    with serve(f"tests.process.tls_{interface}:app", *options, app_dir=ROOT) as server:
        with server.connect() as wire:
            agent = "\x9b\u202e\u2066\u200fä".encode()
            wire.ask(b"GET /pid HTTP/1.1\r\nHost: a\r\nUser-Agent: " + agent + b"\r\n\r\n")
        line = wait_until(log.read_text, "the line")
    assert r'"\u009b\u202e\u2066\u200fä"' in line
    assert json.loads(line)["user_agent"] == agent.decode()


def test_what_a_server_answers(tmp_path: Path) -> None:
    answers = [{"text": f"one{EVIL}"}, {"done": True, "data": {"error": f"two{EVIL}"}, "exit": 1}]
    with answering(tmp_path, b"".join(json.dumps(one).encode() + b"\n" for one in answers)) as path:
        done = tricorn("reload", "--control", str(path))
    assert (done.returncode, done.stdout) == (1, "one?[2J??\n")
    assert done.stderr == "tricorn: two?[2J??\n"


def test_logs_of_a_server(tmp_path: Path) -> None:
    answer = {"done": True, "data": {"lines": [f"one{EVIL}", "two"]}}
    with answering(tmp_path, json.dumps(answer).encode() + b"\n") as path:
        done = tricorn("logs", "--control", str(path))
    assert done.stdout == "one?[2J??\ntwo\n"


def test_a_server_that_never_ends(tmp_path: Path) -> None:
    """Whoever asks all servers who they are waits for none that goes on and on."""
    with answering(tmp_path, b'{"text": "x"}\n', again=True) as path, pytest.raises(ControlError):
        list(ask(path, {"command": "instance"}, 0.5))


def test_a_line_that_never_ends(tmp_path: Path) -> None:
    with answering(tmp_path, b"x" * 65536, again=True) as path, pytest.raises(ControlError):
        list(ask(path, {"command": "instance"}, 0.5))


class answering:  # noqa: N801 (it is used like a function)
    """A control socket that answers with these bytes, once or until its client leaves."""

    def __init__(self, directory: Path, answer: bytes, *, again: bool = False) -> None:
        self._path, self._answer, self._again = directory / "sock", answer, again
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Path:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        self._thread.start()
        return self._path

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        sock, _ = self._listener.accept()
        with closing(sock), suppress(OSError):
            sock.recv(4096)
            sock.sendall(self._answer)
            while self._again:
                sock.sendall(self._answer)
