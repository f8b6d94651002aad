"""Ways to give up an awaitable of the server: before its first step, or while it is suspended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, cast

import anyio

Message = MutableMapping[str, Any]
Call = Callable[[], Awaitable[Any]]
Way = Callable[[Call, bool], Awaitable[tuple[bool, Any]]]
"""Gives up what the call returns, once it is suspended if the flag says so; tells whether it had
come to its end before, and with what."""


class StoppedError(Exception):
    """Thrown into an awaitable."""


def outcome(task: asyncio.Future[Any]) -> tuple[bool, Any]:
    """Whether a task came to its end, and its result."""
    return (False, None) if not task.done() or task.cancelled() else (True, task.result())


async def cancel(call: Call, begun: bool) -> tuple[bool, Any]:
    """``Task.cancel()``."""
    task = asyncio.ensure_future(call())
    if begun:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return outcome(task)


async def wait_for(call: Call, begun: bool) -> tuple[bool, Any]:
    """``asyncio.wait_for()``."""
    try:
        return True, await asyncio.wait_for(call(), 0.01 if begun else 0)
    except TimeoutError:
        return False, None


async def group(call: Call, begun: bool) -> tuple[bool, Any]:
    """A sibling in a TaskGroup raises."""
    task: asyncio.Future[Any] | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(cast(Any, call()))
            if begun:
                await asyncio.sleep(0)
            raise StoppedError
    except* StoppedError:
        pass
    assert task is not None
    return outcome(task)


async def scope(call: Call, begun: bool) -> tuple[bool, Any]:
    """anyio's cancel scope: Starlette asks so whether its client has gone."""
    with anyio.CancelScope() as inside:
        if begun:
            asyncio.get_running_loop().call_soon(inside.cancel)
        else:
            inside.cancel()
        return True, await call()
    return False, None


async def by_hand(call: Call, begun: bool, end: Callable[[Any], object]) -> tuple[bool, Any]:
    """What a wrapper does that steps coroutines itself."""
    steps: Any = call().__await__()
    if begun:
        try:
            future = steps.send(None)
        except StopIteration as stop:
            return True, stop.value
        if future is not None:
            future._asyncio_future_blocking = False
    end(steps)
    return False, None


async def throw(call: Call, begun: bool) -> tuple[bool, Any]:
    """An exception is thrown in."""

    def end(steps: Any) -> None:
        with suppress(StoppedError):
            steps.throw(StoppedError())

    return await by_hand(call, begun, end)


async def close(call: Call, begun: bool) -> tuple[bool, Any]:
    """It is closed like a coroutine."""
    return await by_hand(call, begun, lambda steps: steps.close())


async def forget(call: Call, begun: bool) -> tuple[bool, Any]:
    """Nobody holds it any more."""
    return await by_hand(call, begun, lambda steps: None)


WAYS: dict[str, Way] = {
    way.__name__: way for way in (cancel, wait_for, group, scope, throw, close, forget)
}
