"""What the stand-in application says about errors of each kind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tricorn.errors import LifespanError
from tricorn.worker.broken import broken_app


def page_of(error: BaseException, accept: bytes) -> str:
    """The body of the answer to one request."""
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the request's body is of no interest")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "headers": [(b"accept", accept)]}
    asyncio.run(broken_app(error)(scope, receive, send))
    text: bytes = sent[1]["body"]
    return text.decode()


def test_an_error_of_ours_is_its_text() -> None:
    text = page_of(LifespanError("the application's startup failed: no database"), b"*/*")
    assert text.startswith("the application's startup failed: no database\n\n")


def test_any_other_error_is_its_traceback() -> None:
    try:
        raise KeyError("missing")
    except KeyError as error:
        text, page = page_of(error, b"*/*"), page_of(error, b"TEXT/HTML")
    assert text.startswith("Traceback")
    assert "KeyError: 'missing'\n" in text
    assert "<title>KeyError: &#x27;missing&#x27;</title>" in page


def test_names_that_are_no_text() -> None:
    assert "odd\\udcff.py" in page_of(LifespanError("in odd\udcff.py"), b"*/*")


def test_other_protocols_are_refused() -> None:
    async def call(*_: Any) -> Any:
        raise AssertionError

    app = broken_app(LifespanError("no database"))
    with pytest.raises(RuntimeError, match="no application to serve websocket"):
        asyncio.run(app({"type": "websocket"}, call, call))
