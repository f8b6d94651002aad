"""The Starlette example: middleware, background tasks, streams, files, upload, WebSocket."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.examples.conftest import Visit, join
from tests.kit import wait_until


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def gallery(visit: Visit, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """The gallery, on either event loop."""
    with visit("gallery:app", "examples/starlette_app", "--loop", request.param) as client:
        yield client


def test_json_through_middleware(gallery: httpx.Client) -> None:
    """BaseHTTPMiddleware, which runs the application in a task of its own, marks the answer."""
    response = gallery.get("/pictures/7")

    assert response.json() == {"number": 7}
    assert response.headers["x-gallery"] == "open"


def test_mistake_of_the_client(gallery: httpx.Client) -> None:
    """The application's own 400."""
    response = gallery.get("/pictures/seven")

    assert response.status_code == 400
    assert response.json() == {"error": "'seven' is not a number"}


def test_background_task(gallery: httpx.Client) -> None:
    """The answer comes first, the task is done after it."""
    content = b"\x89PNG" * 50_000

    response = gallery.post("/pictures", files={"file": ("cat.png", content)})

    assert response.json() == {
        "name": "cat.png",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    wait_until(lambda: "cat.png" in gallery.get("/thumbnails").json(), "the thumbnail is made")


def test_streaming(gallery: httpx.Client) -> None:
    """A megabyte in 16 pieces arrives in order."""
    assert gallery.get("/pixels").content == b"".join(bytes([n]) * 65536 for n in range(16))


def test_events_until_the_client_goes(gallery: httpx.Client) -> None:
    """An endless stream gives its events as they are made, and ends with its client."""
    with gallery.stream("GET", "/events") as response:
        lines = response.iter_lines()
        first = [next(lines) for _ in range(5)]

    assert first == ["id: 0", "data: tick", "", "id: 1", "data: tick"]
    assert gallery.get("/pictures/1").status_code == 200


def test_static_file(gallery: httpx.Client) -> None:
    """A file, its HEAD, its 304, one range of it, and one that is not there."""
    page = gallery.get("/static/page.html")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Served by StaticFiles" in page.text
    seen = {"If-None-Match": page.headers["etag"]}
    assert gallery.get("/static/page.html", headers=seen).status_code == 304
    assert gallery.head("/static/page.html").headers["content-length"] == str(len(page.content))
    part = gallery.get("/static/page.html", headers={"Range": "bytes=0-8"})
    assert (part.status_code, part.text) == (206, "<!doctype")
    assert gallery.get("/static/none.html").status_code == 404


def test_endpoint(gallery: httpx.Client) -> None:
    """A WebSocketEndpoint: JSON both ways, the subprotocol, a state for each connection."""
    with join(gallery, "/comments", subprotocols=["notes", "other"]) as socket:
        assert socket.subprotocol == "notes"
        for number in (1, 2):
            socket.send(json.dumps({"text": "fine"}))
            answer = json.loads(socket.recv(10))
            assert answer == {"number": number, "text": "fine"}


def test_endpoint_that_denies(gallery: httpx.Client) -> None:
    """The application's own response instead of a WebSocket."""
    with pytest.raises(InvalidStatus) as refused, join(gallery, "/back-room"):
        pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body or b"") == {"error": "members only"}
