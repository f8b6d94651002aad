"""How connections end: each code, both directions, deadlines, reloads and stops."""

from __future__ import annotations

import signal
from contextlib import ExitStack

import pytest

from tests.kit import Server, serve
from tests.kit.process import ROOT
from tests.kit.websocket import CLOSE, PING, PONG, TEXT, Client, close_frame, frame, handshake
from tests.websocket.conftest import APP, LOOPS, Connect, said


@pytest.mark.parametrize(
    ("code", "told"), [(None, "1005"), (1000, "1000"), (1001, "1001"), (4999, "4999")]
)
def test_the_client_closes(connect: Connect, server: Server, code: int | None, told: str) -> None:
    client = connect()
    client.send(close_frame(code, b"" if code is None else f"{code} bye".encode()))
    answer = client.read()
    assert (answer.opcode, answer.code) == (CLOSE, code)
    assert client.wire.ended()
    said(server, f"/echo {told} " + ("" if code is None else f"{code} bye"))


def test_the_application_closes(connect: Connect, server: Server) -> None:
    client = connect("/choose")
    client.text("3210 enough")
    assert client.closed(3210).body[2:] == b"enough"
    said(server, "/choose 3210 enough")
    said(server, "ClientDisconnected")


def test_the_application_raises(connect: Connect, server: Server) -> None:
    client = connect("/fail")
    client.text("x")
    client.closed(1011)
    server.stderr.wait(lambda text: "WebSocket /fail failed" in text, "the error")


def test_the_application_returns(connect: Connect) -> None:
    client = connect("/leave")
    client.text("x")
    client.closed(1000)


def test_the_connection_is_lost(connect: Connect, server: Server) -> None:
    client = connect("/echo")
    client.send(frame(TEXT, b"whole"), frame(TEXT, b"half")[:5])
    assert client.read().body == b"whole"
    client.wire.close()
    said(server, "/echo 1006 ")


def test_a_client_that_does_not_answer_a_close_is_dropped(connect: Connect) -> None:
    client = connect("/leave")
    client.text("x")
    assert client.read().code == 1000
    assert client.wire.ended(), "after --ws-close-timeout"


def test_messages_before_a_close_reach_the_application(server: Server) -> None:
    with server.connect() as other, server.connect() as wire:
        other.ask(b"GET /hold-again HTTP/1.1\r\nHost: x\r\n\r\n")
        client = Client(wire).open("/hold")
        client.send(frame(TEXT, b"one"), frame(TEXT, b"two"), close_frame(1000))
        client.closed(1000)
        other.ask(b"GET /release HTTP/1.1\r\nHost: x\r\n\r\n")
        said(server, "/hold 1000 ")
        assert other.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").body.startswith(b"2 6 ")


def test_receiving_and_sending_in_two_tasks(connect: Connect) -> None:
    client = connect("/together")
    assert [client.read().body for _ in range(3)] == [b"0", b"1", b"2"]
    assert client.ask("x") == "x"
    client.closed(1000)


@pytest.mark.parametrize("loop", LOOPS)
def test_pings(loop: str) -> None:
    """A client that answers stays, one that does not is closed with 1011."""
    options = ["--loop", loop, "--ws-ping-interval", "0.3", "--ws-ping-timeout", "0.4"]
    with serve(APP, *options, app_dir=ROOT) as server:
        with Client(server.connect()).open() as client:
            for _ in range(3):
                ping = client.read()
                assert ping.opcode == PING
                client.send(frame(PONG, ping.body))
            assert client.read().opcode == PING
            assert client.closed(1011).body[2:] == b"keepalive ping timeout"
        said(server, "/echo 1011 keepalive ping timeout")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_stop_closes_with_1001(loop: str) -> None:
    with serve(APP, "--loop", loop, app_dir=ROOT) as server:
        with Client(server.connect()).open() as client:
            assert client.ask("x") == "x"
            server.send_signal(signal.SIGTERM)
            client.closed(1001)
        said(server, "/echo 1001 ")
        assert server.wait_exit() == 0


def test_a_stop_does_not_wait_for_a_client_that_says_nothing() -> None:
    with serve(APP, "--ws-close-timeout", "0.5", app_dir=ROOT) as server, ExitStack() as stack:
        clients = [stack.enter_context(Client(server.connect()).open()) for _ in range(3)]
        server.send_signal(signal.SIGTERM)
        assert server.wait_exit(deadline=10) == 0
        assert {client.read().code for client in clients} == {1001}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_reload_closes_with_1012(loop: str) -> None:
    options = ["--loop", loop, "--workers", "2"]
    with serve(APP, *options, app_dir=ROOT) as server, ExitStack() as stack:
        wires = [server.connect(deadline=20) for _ in range(4)]
        clients = [stack.enter_context(Client(wire).open()) for wire in wires]
        server.send_signal(signal.SIGHUP)
        for client in clients:
            client.closed(1012)
        with Client(server.connect()).open() as again:
            assert again.ask("hello") == "hello"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_stop_before_it_is_accepted(loop: str) -> None:
    """An application that waits for its client is told, the client gets 503, and nobody waits."""
    options = ("--loop", loop, "--graceful-timeout", "30")
    with serve(APP, *options, app_dir=ROOT) as server, server.connect() as wire:
        wire.send(handshake("/waits"))
        said(server, "/waits waits")
        server.send_signal(signal.SIGTERM)
        assert wire.response().status == 503
        assert server.wait_exit(deadline=10) == 0
        said(server, "/waits 1001 ")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_leaves_before_it_is_accepted(loop: str) -> None:
    """Nothing of it is left, so a stop waits for nobody."""
    options = ("--loop", loop, "--graceful-timeout", "30")
    with serve(APP, *options, app_dir=ROOT) as server:
        with server.connect() as wire:
            wire.send(handshake("/waits"))
            said(server, "/waits waits")
        said(server, "/waits 1006 ")
        assert server.stop(deadline=10) == 0
