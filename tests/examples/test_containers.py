"""What the page about containers prints: commands serve, probes are answered, times fit."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import Server
from tests.kit.process import ROOT, ended
from tricorn.cli.options import parse
from tricorn.config import Config
from tricorn.supervisor.policy import KILL_AFTER

PAGE = ROOT / "docs" / "guide" / "containers.md"
APPS = {
    "main.py": "async def app(scope, receive, send):\n"
    '    if scope["type"] != "http":\n'
    "        raise NotImplementedError\n"
    '    await send({"type": "http.response.start", "status": 200})\n'
    '    await send({"type": "http.response.body", "body": scope["scheme"].encode()})\n',
    "shop/wsgi.py": "def application(environ, start_response):\n"
    '    start_response("200 OK", [])\n'
    '    return [environ["wsgi.url_scheme"].encode()]\n',
}
PROXY = b"GET / HTTP/1.1\r\nHost: test\r\nX-Forwarded-Proto: https\r\n\r\n"


def blocks(kind: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def found() -> Iterator[list[str]]:
    """What each container runs, from CMD of Dockerfiles and from args of a pod."""
    for text in blocks("dockerfile"):
        yield from map(json.loads, re.findall(r"^CMD (\[.*\])", text, re.MULTILINE))
    for text in blocks("yaml"):
        yield from map(json.loads, re.findall(r"(?:args|command): (\[.*?\])", text, re.DOTALL))


def commands() -> list[list[str]]:
    """All of them."""
    return list(found())


def settings(command: list[str]) -> Config:
    """Those of a command line."""
    typed = parse("tricorn", "", command[1:])
    return Config.load(typed.values, environ={}, directory=Path("/nowhere"))


def seconds(text: str, name: str) -> float:
    """A time of a YAML block."""
    [number] = re.findall(rf"{name}: (\d+)", text)
    return float(number)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The applications that the page serves."""
    for name, text in APPS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_there_is_something_to_try() -> None:
    assert [command[1] for command in commands()].count("shop.wsgi:application") == 1
    assert len(commands()) == 4


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_each_command_serves(command: list[str], site: Path) -> None:
    port = ["127.0.0.1:0" if word == "0.0.0.0:8000" else word for word in command]
    assert port != command, "nobody could reach it"
    env = {"FORWARDED_ALLOW_IPS": "127.0.0.0/8", "PYTHONPATH": str(ROOT / "python")}
    with ended(Server(port[1:], cwd=site, env=env)) as server:
        server.wait_ready(1)
        with server.connect() as wire:
            assert wire.ask(PROXY).body == b"https"
        server.stdout.wait(lambda text: '"status": 200' in text or '"status":200' in text, "a line")
        if "--health-path" in command:
            check_health(server)
        assert server.stop(signal.SIGTERM) == 0
    assert "nothing" not in server.stderr.text()
    [line, *_] = server.stdout.lines
    assert json.loads(line)["path"] == "/"


def check_health(server: Server) -> None:
    """As the page's HEALTHCHECK does it, in this process's Python."""
    [text] = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])", blocks("dockerfile")[0], re.MULTILINE)
    _, *words = json.loads(text)
    url = server.url
    done = subprocess.run(
        [sys.executable, *(word.replace("http://127.0.0.1:8000", url) for word in words)],
        timeout=30,
        check=False,
    )
    assert done.returncode == 0


def test_the_probes_ask_what_is_answered() -> None:
    [pod] = [text for text in blocks("yaml") if "terminationGracePeriodSeconds" in text]
    [command] = [one for one in commands() if "--drain-delay" in one]
    health = settings(command).http.health_path
    assert re.findall(r"path: (\S+)", pod) == [f"{health}/ready", f"{health}/live"]


def test_the_times_fit() -> None:
    """What is waited for is over before the container is killed."""
    [pod] = [text for text in blocks("yaml") if "terminationGracePeriodSeconds" in text]
    [command] = [one for one in commands() if "--drain-delay" in one]
    process = settings(command).process
    whole = process.drain_delay + process.graceful_timeout + KILL_AFTER
    assert whole <= seconds(pod, "terminationGracePeriodSeconds")
    [compose] = [text for text in blocks("yaml") if "stop_grace_period" in text]
    default = Config.make().process.graceful_timeout
    assert default + KILL_AFTER <= seconds(compose, "stop_grace_period")
    short = [settings(one).process for one in commands() if "--drain-delay" not in one]
    quick = [one.graceful_timeout for one in short if one.graceful_timeout != default]
    assert quick
    assert max(quick) + KILL_AFTER <= 10, "docker stop kills after 10 s"
