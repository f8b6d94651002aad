"""What an application may do to its server: fork, raise SystemExit, send from a wrong thread."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from tests.hostile.clients import ask, get
from tests.kit import Server, wait_until


@pytest.mark.parametrize("way", ["fork", "subprocess"])
def test_a_child_holds_no_connection(server: Server, way: str) -> None:
    """The peer sees the end of the connection although a child of the application lives on."""
    with server.connect() as idle:
        assert idle.ask(get("/hello")).status == 200
        with server.connect() as wire:
            child = int(wire.ask(get(f"/child/{way}")).body)
            try:
                assert wire.rest() == b""
                idle.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                assert idle.response().status == 200
                assert idle.rest() == b""
                assert ask(server, "/hello").body == b"/hello"
            finally:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)


def test_a_server_ends_while_a_child_lives_on(server: Server) -> None:
    """Nobody is held up by the copies of sockets that a fork leaves behind."""
    with server.connect() as idle:
        assert idle.ask(get("/hello")).status == 200
        child = int(ask(server, "/child/fork").body)
        try:
            server.send_signal(signal.SIGTERM)
            assert idle.rest() == b""
            wait_until(lambda: not server.running(), "the end of the server")
            with pytest.raises(ConnectionRefusedError):
                server.connect()
        finally:
            os.kill(child, signal.SIGKILL)
        assert server.wait_exit() == 0  # and of its output, of which the child had a copy


@pytest.mark.parametrize("way", ["keyboard", "exit"])
def test_exceptions_that_end_programs(server: Server, way: str) -> None:
    """KeyboardInterrupt and SystemExit end one request; the server goes on."""
    assert ask(server, f"/raise/{way}").status == 500
    for _ in range(20):
        assert ask(server, "/hello").body == b"/hello"
    named = {"keyboard": "KeyboardInterrupt", "exit": "SystemExit"}[way]
    server.stderr.wait(lambda text: named in text, f"{named} in the log")


def test_send_from_another_thread(asgi: Server) -> None:
    """It fails there with an error that says what to do instead; the response still goes out."""
    said = ask(asgi, "/foreign").body.decode()

    assert said.startswith("RuntimeError: ")
    assert "thread" in said
    assert "call_soon_threadsafe" in said or "run_coroutine_threadsafe" in said
