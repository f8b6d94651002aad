"""Calls that are written for Uvicorn, or by heart: each is told the right spelling."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tricorn
from tricorn import Config, ConfigError, Server

Message = dict[str, Any]


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[..., object]
) -> None:
    """Serves nothing."""


def wrong(call: Callable[[], object]) -> str:
    """What is said of a call."""
    with pytest.raises((TypeError, AttributeError, ConfigError)) as error:
        call()
    return str(error.value)


loose: Any = tricorn
"""The same without types, which would find these mistakes."""


@pytest.mark.parametrize(
    "call",
    [
        lambda: loose.Config(app, port=0),
        lambda: loose.Config("main:app"),
        lambda: loose.Config(port=0),
        lambda: loose.Config(),
        lambda: loose.Config.make(app, port=0),
    ],
)
def test_a_config_is_made_of_keywords(call: Callable[[], object]) -> None:
    text = wrong(call)
    assert "Config.make(port=8000)" in text
    assert "Server(app, config)" in text


def test_a_config_can_still_be_changed_and_copied() -> None:
    config = Config.make(port=0)
    assert replace(config) == config == copy.copy(config)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: loose.Server("main:app"), "from main import app; Server(app)"),
        (
            lambda: loose.Server("site.web:create()"),
            "from site.web import create; Server(create())",
        ),
        (lambda: loose.Server("main"), "import the application, and write Server(app)"),
        (lambda: loose.Server(Config.make(port=0)), "write Server(app, config)"),
        (lambda: loose.Server(app, 8000), "write Server(app, Config.make(port=8000))"),
        (lambda: loose.Server(app, port=0), "write Server(app, Config.make(port=0))"),
        (lambda: loose.run(app, 8000), "write run(app, port=8000)"),
    ],
)
def test_what_goes_where(call: Callable[[], object], told: str) -> None:
    assert told in wrong(call)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("run", "tricorn.run(app, port=8000) without an event loop, await server.serve() in one"),
        ("startup", "await server.serve()"),
        ("should_exit", "server.shutdown()"),
        ("force_exit", "server.hurry()"),
    ],
)
def test_names_of_another_server(name: str, told: str) -> None:
    server: Any = Server(app, Config.make(port=0))
    assert f"has no {name}; write {told}" in wrong(lambda: getattr(server, name))
    assert f"has no {name}; write {told}" in wrong(lambda: setattr(server, name, True))
    assert not hasattr(server, name)
    assert wrong(lambda: server.other) == "'Server' object has no attribute 'other'"


@pytest.mark.parametrize(
    "settings", [{"workers": 2}, {"reload": True}, {"daemon": True}, {"pid": "file"}]
)
def test_a_server_has_no_workers(settings: dict[str, object]) -> None:
    (name,) = settings
    text = wrong(lambda: Server(app, Config.make(**settings)))
    assert f"argument {name}: a Server serves in this process alone" in text
    assert "tricorn.run()" in text
    assert "argument max_requests: a Server serves in this process alone" in wrong(
        lambda: Server(app, Config.make(max_requests=5))
    )


def test_what_a_shared_file_says_of_workers_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / "tricorn.toml").write_text("[process]\nworkers = 2\nmax-requests = 5\n")
    assert Server(app, Config.load(environ={}, directory=tmp_path)).started is False


def test_a_server_serves_once() -> None:
    async def twice() -> None:
        server = Server(app, Config.make(port=0))
        async with server:
            pass
        with pytest.raises(RuntimeError, match="serves once: make another Server"):
            async with server:
                pass
        with pytest.raises(RuntimeError, match="serves once"):
            await server.serve()

    asyncio.run(twice())


def test_a_second_call_does_not_disturb_the_first() -> None:
    async def twice() -> None:
        server = Server(app, Config.make(port=0))
        ready = asyncio.Event()
        first = asyncio.create_task(server.serve(lambda _: ready.set()))
        await asyncio.wait_for(ready.wait(), 10)
        with pytest.raises(RuntimeError, match="serves once"):
            await server.serve()
        assert server.started
        server.shutdown()
        await asyncio.wait_for(first, 10)

    asyncio.run(twice())
