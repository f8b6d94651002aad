"""The FastAPI chat: everybody in a room gets what is said there, through reloads too."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.connection import Connection

from tests.examples.conftest import join
from tests.kit import Server, serve, wait_until
from tests.kit.process import ROOT

CHAT = ROOT / "examples" / "fastapi_chat"


@pytest.fixture(scope="module", name="chat", params=["uvloop", "asyncio"])
def chat_fixture(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The chat, on either event loop."""
    with serve("chat:app", "--workers", "1", "--loop", request.param, app_dir=CHAT) as server:
        yield server
    assert "Traceback" not in server.stderr.text(), server.stderr.text()


def enter(server: Server, name: str, room: str = "hall") -> ClientConnection:
    """Join a room and see oneself come."""
    with httpx.Client(base_url=server.url) as client:
        socket = join(client, f"/rooms/{room}?name={name}")
    assert hear(socket) == {"from": name, "event": "came"}
    return socket


def hear(socket: Connection) -> Any:
    """The next message."""
    return json.loads(socket.recv(10))


def test_broadcast(chat: Server) -> None:
    """Ten members all hear each of them, in one order; another room hears nothing."""
    other = enter(chat, "eve", "attic")
    members = [enter(chat, f"m{number}") for number in range(10)]
    for number, member in enumerate(members):
        for later in range(number + 1, 10):
            assert hear(member) == {"from": f"m{later}", "event": "came"}
    for member in members:
        for text in ("first", "ž" * 50_000):
            member.send(text)
    heard = [[hear(member) for _ in range(20)] for member in members]
    assert all(each == heard[0] for each in heard)
    assert sorted(said["from"] for said in heard[0]) == sorted([f"m{n}" for n in range(10)] * 2)
    for number, member in enumerate(members[:-1]):
        member.close()
        assert hear(members[-1]) == {"from": f"m{number}", "event": "went"}
    other.send("anybody?")
    assert hear(other) == {"from": "eve", "text": "anybody?"}
    members[-1].close()
    other.close()


def test_member_who_vanishes(chat: Server) -> None:
    """The others are told, and go on."""
    with enter(chat, "ada") as ada:
        bob = enter(chat, "bob")
        assert hear(ada) == {"from": "bob", "event": "came"}
        bob.socket.shutdown(2)
        assert hear(ada) == {"from": "bob", "event": "went"}
        ada.send("alone")
        assert hear(ada) == {"from": "ada", "text": "alone"}
        bob.close()


def test_reload(chat: Server) -> None:
    """All are closed with 1012, come again at once, and the chat goes on."""
    members = [enter(chat, "ada"), enter(chat, "bob")]
    chat.send_signal(signal.SIGHUP)
    for member in members:
        assert _code_of_close(member) == 1012
    members = [enter(chat, "ada"), enter(chat, "bob")]
    members[1].send("here again")
    assert [hear(members[0])["from"], hear(members[0])] == [
        "bob",
        {"from": "bob", "text": "here again"},
    ]
    for member in members:
        member.close()


def _code_of_close(socket: ClientConnection) -> int:
    """Read until the server closes; its code."""

    def code() -> int | None:
        try:
            socket.recv(10)
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code
        return None

    return wait_until(code, "a close")


def test_several_workers() -> None:
    """Every worker serves WebSockets; a stop closes all with 1001."""
    with serve("chat:app", "--workers", "2", app_dir=CHAT) as server:
        members = [enter(server, "m", f"room{number}") for number in range(8)]
        for member in members:
            member.send("hello")
            assert hear(member) == {"from": "m", "text": "hello"}
        server.send_signal(signal.SIGTERM)
        assert {_code_of_close(member) for member in members} == {1001}
        assert server.wait_exit() == 0
