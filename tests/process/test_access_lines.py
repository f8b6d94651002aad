"""Every request has its access line, whichever thread ends it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.hostile.clients import get
from tests.kit import serve, wait_until
from tests.kit.process import ROOT

FORMAT = "%(m)s %(U)s %(s)s %({SERVER_NAME}e)s"
FIRST_LINE = '%(h)s "%(r)s" %(s)s %({y}i)s'
CLIENTS, REQUESTS = 6, 100


def test_no_line_is_lost_between_threads(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    options = ("--threads", "8", "--access-log", str(log), "--access-log-format", FORMAT)
    with serve("tests.hostile.census_wsgi:app", *options, app_dir=ROOT) as server:

        def ask_often(_: int) -> None:
            with server.connect() as wire:
                for _ in range(REQUESTS):
                    assert wire.ask(get("/hello")).status == 200

        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(ask_often, range(CLIENTS)))

    assert log.read_text().splitlines() == ["GET /hello 200 127.0.0.1"] * (CLIENTS * REQUESTS)


@pytest.mark.parametrize("app", ["app_asgi", "app_wsgi"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_servers_own_answers_have_a_size(tmp_path: Path, app: str, method: str) -> None:
    log = tmp_path / "access.log"
    options = ("--access-log", str(log), "--access-log-format", "%(s)s %(b)s %(B)s")
    with serve(f"tests.process.{app}:app", *options, app_dir=ROOT) as server:
        with server.connect() as wire:
            answer = wire.ask(f"{method} /fail HTTP/1.1\r\nHost: test\r\n\r\n".encode(), method)
            assert answer.status == 500
        size = len(answer.body)
        assert bool(size) == (method == "GET")
        wait_until(lambda: log.read_text() == f"500 {size or '-'} {size}\n", "the line")


REFUSED = {
    b"GET /a?b=c HTTP/1.1\r\n\r\n": ("GET /a?b=c HTTP/1.1", "/a", "b=c", 400),
    b'G"T / HTTP/1.1\r\nHost: x\r\n\r\n': ('G"T / HTTP/1.1', "/", "", 400),
    b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n": ("GET /", None, None, 400),
    b"\x16\x03\x01\0hello\r\n\r\n": ("\x16\x03\x01", None, None, 400),
    b"\r\n\r\n\r\n": (None, None, None, 400),
    b"GET /" + b"x" * 70_000: ("GET /" + "x" * 1019, None, None, 414),
    b"GET / HTTP/1.1\r\nx: " + b"x" * 70_000: ("GET / HTTP/1.1", "/", "", 431),
    b"PUT / HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\nContent-Length: 1001\r\n\r\n": (
        "PUT / HTTP/1.1",
        "/",
        "",
        413,
    ),
    b"GET / HTTP/3.0\r\nHost: x\r\n\r\n": ("GET / HTTP/3.0", "/", "", 505),
}


@pytest.mark.parametrize("app", ["app_asgi", "app_wsgi"])
@pytest.mark.parametrize("pieces", [1, 2])
def test_a_request_that_is_refused_has_its_line(tmp_path: Path, app: str, pieces: int) -> None:
    """With its first line as far as it came: who sees 400 in a client looks for it in the log."""
    log = tmp_path / "access.log"
    options = ("--access-log", str(log), "--access-log-format", "json", "--body-size", "1000")
    with serve(f"tests.process.{app}:app", *options, app_dir=ROOT) as server:
        for number, (request, (_, path, query, status)) in enumerate(REFUSED.items(), 1):
            with server.connect() as wire:
                half = len(request) // pieces
                wire.send(request[:half])
                wire.send(request[half:])
                assert wire.response().status == status
            wait_until(lambda: len(log.read_text().splitlines()) == number, "the line")  # noqa: B023
            line = json.loads(log.read_text().splitlines()[-1])
            assert (line["path"], line["query"], line["status"]) == (path, query, status)
            assert line["remote"] == "127.0.0.1"
            assert line["user_agent"] == ("y" if status == 413 else None)
            assert line["bytes"] > 0


def test_the_first_line_of_a_request_that_is_refused(tmp_path: Path) -> None:
    """It ends where a line ends, and can't end the one of the log."""
    log = tmp_path / "access.log"
    options = ("--access-log", str(log), "--access-log-format", FIRST_LINE, "--body-size", "1000")
    with serve("tests.process.app_wsgi:app", *options, app_dir=ROOT) as server:
        for request, (line, _, _, status) in REFUSED.items():
            with server.connect() as wire:
                wire.send(request)
                assert wire.response().status == status
            shown = "-" if line is None else escaped(line)
            wanted = f'127.0.0.1 "{shown}" {status} -\n'
            wait_until(lambda: log.read_text().endswith(wanted), wanted)  # noqa: B023


def escaped(text: str) -> str:
    """As in the text of a line."""
    text = text.replace('"', '\\"')
    return "".join(one if one >= " " else f"\\x{ord(one):02x}" for one in text)
