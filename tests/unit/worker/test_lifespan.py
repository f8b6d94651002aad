"""The lifespan protocol, call by call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tricorn.errors import LifespanError
from tricorn.worker import lifespan
from tricorn.worker.lifespan import Lifespan

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def start(app: Any, mode: str = "auto") -> Lifespan:
    """Run a start-up to its end; what it raises comes through."""

    async def run() -> Lifespan:
        one = Lifespan(app, mode)
        await one.startup()
        return one

    return asyncio.run(run())


def test_a_long_startup_is_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lifespan, "_SHOW_EVERY", 0.01)
    caplog.set_level(logging.INFO, "tricorn.lifespan")
    shown = asyncio.Event()

    class Shown(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            shown.set()

    handler = Shown()
    logging.getLogger("tricorn.lifespan").addHandler(handler)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await shown.wait()
        await send({"type": "lifespan.startup.complete"})
        await receive()

    try:
        start(app)
    finally:
        logging.getLogger("tricorn.lifespan").removeHandler(handler)

    assert shown.is_set()


@pytest.mark.parametrize("kind", ["http.response.start", "lifespan.shutdown.complete", None])
def test_a_wrong_message_says_what_was_expected(kind: str | None) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": kind})

    with pytest.raises(LifespanError, match=r"expected 'lifespan\.startup\.complete' or"):
        start(app, "on")


def test_a_second_answer_is_refused() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.startup.complete"})

    with pytest.raises(LifespanError, match="once in this lifespan phase"):
        start(app)


def test_on_demands_an_answer() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        return

    with pytest.raises(LifespanError, match="it returned without an answer"):
        start(app, "on")


def test_auto_goes_on_without_an_answer() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise TypeError("only http")

    assert start(app).state == {}


def test_the_scope_is_that_of_the_specification() -> None:
    seen: Scope = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope)
        scope["state"]["key"] = "value"
        await receive()
        await send({"type": "lifespan.startup.complete"})

    assert start(app).state == {"key": "value"}
    assert seen["type"] == "lifespan"
    assert seen["asgi"] == {"version": "3.0", "spec_version": "2.0"}


def test_a_failure_without_a_reason() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})

    with pytest.raises(LifespanError, match="startup failed: no reason given"):
        start(app)


def test_a_failed_startup_may_raise_too(recwarn: pytest.WarningsRecorder) -> None:
    """As Starlette does; asyncio must not report it as an exception nobody looked at."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "why"})
        raise ValueError("why")

    complaints: list[object] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said))
        with pytest.raises(LifespanError, match="why"):
            await Lifespan(app, "auto").startup()

    asyncio.run(run())
    assert complaints == []
