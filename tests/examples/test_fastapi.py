"""The FastAPI example: JSON, validation, streaming, server-sent events, upload."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import httpx
import pytest

from tests.examples.conftest import Visit


@pytest.fixture(scope="module")
def shop(visit: Visit) -> Iterator[httpx.Client]:
    """The shop, open."""
    with visit("shop:app", "examples/fastapi_app") as client:
        yield client


def test_json_that_the_lifespan_made(shop: httpx.Client) -> None:
    """The item is there only if lifespan start-up ran first."""
    assert shop.get("/items/1").json() == {"name": "lamp", "price": 12.5}


def test_json_both_ways(shop: httpx.Client) -> None:
    """A posted item can be read back."""
    made = shop.post("/items", json={"name": "čaj", "price": 2})

    assert made.status_code == 201
    assert shop.get(f"/items/{made.json()['number']}").json() == {"name": "čaj", "price": 2.0}


def test_validation_error(shop: httpx.Client) -> None:
    """FastAPI's own 422 with the place of each mistake."""
    response = shop.post("/items", json={"name": "", "price": -1})

    assert response.status_code == 422
    assert [error["loc"] for error in response.json()["detail"]] == [
        ["body", "name"],
        ["body", "price"],
    ]


def test_errors_and_not_found(shop: httpx.Client) -> None:
    """An HTTPException and an unknown path."""
    assert shop.get("/items/999").json() == {"detail": "no such item"}
    assert shop.get("/nowhere").status_code == 404


def test_function_in_a_thread(shop: httpx.Client) -> None:
    """A plain function runs in a worker thread and answers."""
    assert shop.get("/threads").status_code == 200


def test_documentation_page(shop: httpx.Client) -> None:
    """The OpenAPI page and its schema."""
    assert "swagger" in shop.get("/docs").text.lower()
    assert shop.get("/openapi.json").json()["info"]["title"] == "Shop"


def test_streaming(shop: httpx.Client) -> None:
    """A streamed response of unknown length is whole and chunked."""
    response = shop.get("/numbers", params={"count": 5000})

    assert response.headers["transfer-encoding"] == "chunked"
    assert response.text.split() == [str(number) for number in range(5000)]


def test_events_arrive_one_by_one(shop: httpx.Client) -> None:
    """Each event can be read before the stream has ended."""
    with shop.stream("GET", "/events", params={"count": 3}) as response:
        lines = [line for line in response.iter_lines() if line]

    assert response.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("data: ") for line in lines if line.startswith("data")]
    assert [list(json.loads(event)) for event in events] == [["items"]] * 3


def test_events_left_early(shop: httpx.Client) -> None:
    """A client that leaves a stream in the middle does no harm to the next request."""
    with shop.stream("GET", "/events", params={"count": 100}) as response:
        next(response.iter_lines())

    assert shop.get("/items/1").status_code == 200


@pytest.mark.parametrize("size", [0, 100, 5_000_000])
def test_upload(shop: httpx.Client, size: int) -> None:
    """A multipart upload, small and large, is the file that was sent."""
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    response = shop.post("/files", files={"file": ("data.bin", content)})

    assert response.json() == {
        "name": "data.bin",
        "size": size,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
