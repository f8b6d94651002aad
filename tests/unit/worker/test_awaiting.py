"""The awaiting chain of a task: from its outermost coroutine to what the innermost waits for."""

from __future__ import annotations

import asyncio
import re
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import Any

import anyio
import pytest
import uvloop

from tricorn.worker.awaiting import awaiting

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


async def on_event(event: asyncio.Event) -> None:
    await event.wait()


async def through_a_generator(event: asyncio.Event) -> None:
    async for _ in pieces(event):
        pass


async def pieces(event: asyncio.Event) -> AsyncIterator[int]:
    await on_event(event)
    yield 1


class Awaitable:
    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    def __await__(self) -> Generator[Any, None, None]:
        yield from on_event(self._event).__await__()


async def through_an_awaitable(event: asyncio.Event) -> None:
    await Awaitable(event)


@types.coroutine
def old_style(event: asyncio.Event) -> Generator[Any, None, None]:
    yield from on_event(event)


async def through_a_decorated_generator(event: asyncio.Event) -> None:
    await old_style(event)


async def on_a_lock(event: asyncio.Event) -> None:
    lock = asyncio.Lock()
    async with lock, lock:
        pass


async def on_a_task(event: asyncio.Event) -> None:
    await asyncio.create_task(on_event(event), name="below")


async def on_several(event: asyncio.Event) -> None:
    await asyncio.gather(on_event(event), asyncio.sleep(3600))


async def in_a_group(event: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(on_event(event), name="below")


async def in_an_anyio_group(event: asyncio.Event) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(on_event, event, name="below")
        await asyncio.sleep(3600)


async def on_the_first(event: asyncio.Event) -> None:
    tasks = {asyncio.create_task(on_event(event), name="below")}
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def with_a_timeout(event: asyncio.Event) -> None:
    await asyncio.wait_for(on_event(event), 3600)


EVENT = r"in on_event\n.*in wait\n.*waits for <asyncio.locks.Event object at \S+ \[unset, wait"
CASES: dict[Callable[[asyncio.Event], Coroutine[Any, Any, None]], str] = {
    on_event: EVENT,
    through_a_generator: "in through_a_generator\n.*in pieces\n.*" + EVENT,
    through_an_awaitable: "in through_an_awaitable\n.*in __await__\n.*" + EVENT,
    through_a_decorated_generator: "in old_style\n.*" + EVENT,
    on_a_lock: r"in on_a_lock\n.*in acquire\n.*waits for <asyncio.locks.Lock .* \[locked",
    on_a_task: "in on_a_task\n.*waits for task 'below'\n.*task 'below':\n.*" + EVENT,
    on_several: "in on_several\n.*_GatheringFuture.*" + EVENT + ".*in sleep",
    in_a_group: "in in_a_group\n.*task 'below':\n.*" + EVENT,
    in_an_anyio_group: "in in_an_anyio_group\n.*in sleep\n.*task 'below':\n.*" + EVENT,
    on_the_first: "in on_the_first\n.*in wait\n.*task 'below':\n.*" + EVENT,
    with_a_timeout: "in with_a_timeout\n.*in wait_for\n.*" + EVENT,
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("wait", CASES, ids=lambda wait: wait.__name__)
def test_chains(wait: Callable[[asyncio.Event], Coroutine[Any, Any, None]], loop: str) -> None:
    async def run() -> str:
        task = asyncio.create_task(wait(asyncio.Event()))
        for _ in range(5):
            await asyncio.sleep(0)
        chain = awaiting(task)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return chain

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        chain = runner.run(run())
    assert re.search(CASES[wait], chain, re.DOTALL), chain
    assert chain.count("in on_event\n") == CASES[wait].count("in on_event")


async def deep(levels: int) -> None:
    await (deep(levels - 1) if levels else asyncio.sleep(3600))


class TaskGroup:
    """Looks like one, and has its own task in it."""

    def __init__(self) -> None:
        self._tasks = {asyncio.current_task()}


async def circle() -> None:
    group = TaskGroup()
    await asyncio.sleep(3600)
    del group


class Hostile:
    """What asyncio takes for a future, and says nothing of itself."""

    _asyncio_future_blocking = True
    _wake: Callable[[object], object]

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def add_done_callback(self, callback: Callable[[object], object], *, context: object) -> None:
        self._wake = callback

    def cancel(self, msg: object = None) -> bool:
        asyncio.get_running_loop().call_soon(self._wake, self)
        return True

    def result(self) -> None:
        raise asyncio.CancelledError

    def __await__(self) -> Generator[Any, None, None]:
        yield self


async def on_something_hostile() -> None:
    await Hostile()


def test_what_can_not_be_shown_harms_nothing() -> None:
    async def run() -> None:
        coroutines = (deep(900), circle(), on_something_hostile())
        tasks = [asyncio.create_task(one) for one in coroutines]
        for _ in range(5):
            await asyncio.sleep(0)
        tasks.append(asyncio.create_task(asyncio.sleep(0)))
        deepest, round_and_round, hostile, fresh = map(awaiting, tasks)
        assert "repeated 197 more times" in deepest
        assert round_and_round.count("in circle") == 1
        assert "can't be read: RuntimeError('no')" in hostile
        assert "waits for its next turn" in fresh
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
