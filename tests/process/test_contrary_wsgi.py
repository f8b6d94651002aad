"""WSGI: what the environ says, which files go out as they are, and calls that go wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.clients import ask, get
from tests.kit import Server, Wire, serve, wait_until
from tests.kit.process import ROOT
from tests.kit.wire import Address

APP = "tests.process.contrary_wsgi:app"
MODES = {"wsgi-1": "1", "wsgi-8": "8"}


@pytest.fixture(params=MODES)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The application on one thread and on eight."""
    with serve(APP, "--threads", MODES[request.param], app_dir=ROOT) as server:
        yield server


def shown(address: Address, host: bytes) -> dict[str, Any]:
    """The environ of a request to ``host``."""
    with Wire.connect(address) as wire:
        asked = b"GET /shown HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
        environ: dict[str, Any] = json.loads(wire.ask(asked).body)
        return environ


@pytest.mark.parametrize(
    ("host", "name", "port"),
    [
        (b"a.example:8443", "a.example", "8443"),
        (b"a.example", "a.example", "80"),
        (b"[::1]:81", "::1", "81"),
        (b"", "localhost", "80"),
    ],
)
def test_a_unix_socket_has_a_name(tmp_path: Path, host: bytes, name: str, port: str) -> None:
    """SERVER_NAME and SERVER_PORT are never empty, and the port is a number (PEP 3333)."""
    with serve(APP, app_dir=ROOT, binds=(f"unix:{tmp_path / 'socket'}",)) as server:
        environ = shown(server.address, host)
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == (name, port)


@pytest.mark.parametrize(
    ("options", "many"), [((), False), (("--workers", "1"), False), (("--workers", "3"), True)]
)
def test_multiprocess(options: tuple[str, ...], many: bool) -> None:
    """Whether other processes run the application, too."""
    with serve(APP, *options, app_dir=ROOT) as server:
        assert shown(server.address, b"a")["wsgi.multiprocess"] is many


def test_invented_names_are_not_kept(server: Server) -> None:
    """Some versions of CPython never free an interned string: only known names are."""
    with server.connect() as wire:
        asked = b"GET /interned HTTP/1.1\r\nHost: a\r\nX-Invented-8472: a\r\n\r\n"
        kept = json.loads(wire.ask(asked).body)
        assert kept == {"HTTP_HOST": True, "HTTP_X_INVENTED_8472": False}


def test_files_that_are_not_what_they_seem(server: Server, tmp_path: Path) -> None:
    """wsgi.file_wrapper sends what read() gives, also where the descriptor has something else."""
    text = b"the text of a file, " * 5000
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text))
    assert ask(server, f"/zipped?{packed}").body == text
    assert ask(server, f"/loud?{plain}").body == text.upper()
    assert ask(server, f"/rest?{plain}").body == text[10:]
    assert b"Name:" in ask(server, "/kernel").body


def test_closes_that_wait() -> None:
    """As many as there are threads, less one, hold up nobody: somebody watches them."""
    with serve(APP, "--threads", "8", app_dir=ROOT) as server, ExitStack() as stack:
        wires = [stack.enter_context(server.connect()) for _ in range(7)]
        for wire in wires:
            wire.send(get("/clinging"))
            wire.incoming.exactly(1000)
        for wire in wires:
            wire.close()
        wait_until(lambda: ask(server, "/closing").body == b"7", "seven ends that have begun")
        assert ask(server, "/opened").status == 200


def test_a_failed_start_is_the_applications_fault(server: Server) -> None:
    """write() behind it is an error that says so; the server goes on."""
    assert ask(server, "/swallowed").status == 500
    said = server.stderr.wait(lambda text: "RuntimeError" in text, "the error")
    assert "before a response was begun" in said
    assert "bug in Tricorn" not in said
    assert ask(server, "/hello").body == b"hello"


@pytest.mark.parametrize("blocked", ["0", "0.05"])
def test_a_panic_ends_its_connection_alone(server: Server, blocked: str) -> None:
    """Whether or not another thread has taken the reactor over meanwhile."""

    def panic(_number: int) -> bytes:
        with server.connect() as wire:
            wire.send(get(f"/panics?{blocked}"))
            try:
                return wire.rest()
            except ConnectionResetError:
                return b""

    assert ask(server, "/swallowed").status == 500  # so that the core has its kind of exception
    with ThreadPoolExecutor(16) as pool:
        for _ in range(3):
            assert set(pool.map(panic, range(16))) == {b""}
            answers = pool.map(lambda _number: ask(server, "/hello").body, range(100))
            assert set(answers) == {b"hello"}
    assert "on purpose, by a test" in server.stderr.text()
