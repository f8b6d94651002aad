"""The Pyramid example: routes, JSON and error views."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.examples.conftest import Visit


@pytest.fixture(scope="module")
def counter(visit: Visit) -> Iterator[httpx.Client]:
    """The counters from their factory."""
    with visit("counter:make_app()", "examples/pyramid_app") as client:
        yield client


def test_counting(counter: httpx.Client) -> None:
    """POST counts, GET tells; the route's argument is decoded."""
    first = counter.post("/counters/čaj")
    counter.post("/counters/čaj", data={"by": "4"})

    assert (first.status_code, first.json()) == (201, {"name": "čaj", "count": 1})
    assert counter.get("/counters/čaj").json() == {"name": "čaj", "count": 5}


def test_query_parameters(counter: httpx.Client) -> None:
    """Parameters may come in the query as well as in the body."""
    assert counter.post("/counters/query?by=3").json()["count"] == 3


def test_nothing_counted(counter: httpx.Client) -> None:
    """An HTTPNotFound raised in a view."""
    assert counter.get("/counters/none").status_code == 404


def test_method_without_a_view(counter: httpx.Client) -> None:
    """Pyramid finds no view for the method."""
    assert counter.delete("/counters/tea").status_code == 404
