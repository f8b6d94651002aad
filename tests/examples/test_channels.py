"""The Django Channels example: consumers, groups, sessions, origins, plain views."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.examples.conftest import Visit, join

BOARD = "/boards/kitchen/"


@pytest.fixture(scope="module", name="site")
def site_fixture(visit: Visit) -> Iterator[httpx.Client]:
    """The site."""
    with visit("noticeboard.asgi:application", "examples/channels_site") as client:
        yield client


def visit_board(site: httpx.Client, path: str, **options: Any) -> ClientConnection:
    """A WebSocket from a page of the site: Channels lets in no other."""
    return join(site, path, origin=str(site.base_url), **options)


def test_group(site: httpx.Client) -> None:
    """All at a board get what one of them pins, under the name in the session."""
    site.post("/login/", data={"name": "ada"})
    cookie = {"Cookie": f"sessionid={site.cookies['sessionid']}"}
    with (
        visit_board(site, BOARD, additional_headers=cookie) as ada,
        visit_board(site, BOARD) as bob,
        visit_board(site, "/boards/attic/") as eve,
    ):
        ada.send(json.dumps({"text": "tea?"}))
        bob.send(json.dumps({"text": "yes"}))
        for member in (ada, bob):
            heard = sorted(json.loads(member.recv(10))["by"] for _ in range(2))
            assert heard == ["ada", "nobody"]
        eve.send(json.dumps({"text": "echo"}))
        assert json.loads(eve.recv(10)) == {"by": "nobody", "text": "echo"}


def test_view_tells_consumers(site: httpx.Client) -> None:
    """An ordinary view, in a thread, reaches the WebSockets through the layer."""
    with visit_board(site, BOARD) as ada:
        assert site.post(f"{BOARD}pin/", data={"text": "soup"}).json() == {"pinned": True}
        assert json.loads(ada.recv(10)) == {"by": "the caretaker", "text": "soup"}


def test_consumer_in_a_thread(site: httpx.Client) -> None:
    """Text, bytes, and a close with a code and a reason of the application."""
    with visit_board(site, "/shout/") as socket:
        socket.send("quiet")
        assert socket.recv(10) == "QUIET"
        socket.send(b"bytes")
        assert socket.recv(10) == b"BYTES"
        socket.send("")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "nothing to say")


def test_origin_of_another_site(site: httpx.Client) -> None:
    """Channels' own check answers 403."""
    with pytest.raises(InvalidStatus) as refused, join(site, BOARD, origin="http://evil.test"):
        pass
    assert refused.value.response.status_code == 403
