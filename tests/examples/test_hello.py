"""The two smallest applications, found from another directory."""

from __future__ import annotations

import pytest

from tests.examples.conftest import Visit


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_hello(visit: Visit, interface: str) -> None:
    """``--app-dir`` names the directory of the application."""
    with visit(f"hello_{interface}:app", ".", "--app-dir", "examples") as client:
        response = client.get("/")

    assert response.text == "Hello, world!"
    assert response.headers["content-length"] == "13"
    assert response.headers["server"] == "tricorn"
    assert "date" in response.headers
