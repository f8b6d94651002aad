"""Where a suspended task is: the frames from its coroutine to the innermost await, and what that
waits for.

A thread's stack shows only the event loop; the coroutines that wait are linked among each other
(`cr_await` of a coroutine, `gi_yieldfrom` of a generator, `ag_await` of an asynchronous one). To be
used in the loop's thread, where nothing moves meanwhile.
"""

from __future__ import annotations

import asyncio
import gc
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

from tricorn._core import Waiter

_FRAMES = 200
"""Frames of one task at the most."""
_TASKS = 20
"""Tasks that are followed from one request at the most."""
_LINKS = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


def awaiting(task: asyncio.Task[Any]) -> str:
    """The awaiting chain of a task as lines like those of a traceback, innermost last.

    Tasks that it waits for follow, each with its own. Never raises.
    """
    lines: list[str] = []
    todo, seen = [(0, task)], {task}
    while todo and len(seen) <= _TASKS:
        depth, one = todo.pop(0)
        try:
            shown, others = _of_task(one)
        except Exception as error:  # objects of the application, of any kind
            shown, others = [f"  (can't be read: {error!r})"], []
        if one is not task:
            lines.append(f"{'  ' * depth}{_title(one)}:")
        lines += ["  " * depth + line for line in shown]
        fresh = [other for other in dict.fromkeys(others) if other not in seen]
        seen.update(fresh)
        todo[:0] = [(depth + 1, other) for other in fresh]
    return "\n".join(lines)


def _title(task: asyncio.Task[Any]) -> str:
    return f"  task {task.get_name()!r}"


def _of_task(task: asyncio.Task[Any]) -> tuple[list[str], list[asyncio.Task[Any]]]:
    """The lines of one task, and the tasks that it waits for."""
    frames = list(_frames(task.get_coro()))
    entries = [
        traceback.FrameSummary(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        for frame in frames
    ]
    lines = "".join(traceback.format_list(entries)).splitlines()
    waiter = getattr(task, "_fut_waiter", None)
    lines.append(f"  waits for {_goal(waiter, frames)}")
    return lines, [one for one in _followed(waiter, frames) if not one.done()]


def _frames(coroutine: object) -> Iterator[FrameType]:
    """The frames along the chain, from the outermost coroutine on."""
    one: object = coroutine
    for _ in range(_FRAMES):
        link = next((link for link in _LINKS if hasattr(one, link[0])), None)
        if link is None:
            one = _behind(one)
        else:
            frame = getattr(one, link[0])
            if frame is not None:
                yield frame
            one = getattr(one, link[1])
        if one is None:
            return


def _behind(one: object) -> object:
    """What an iterator without a frame, as that of ``async for``, drives; None at the end."""
    if one is None or isinstance(one, asyncio.Future | Waiter):
        return None
    referents = gc.get_referents(one)
    return next((other for other in referents if any(hasattr(other, n) for n, _ in _LINKS)), None)


def _goal(waiter: object, frames: list[FrameType]) -> str:
    """What the innermost await waits for, in words."""
    if isinstance(waiter, Waiter):
        return "the client (send() or receive())"
    if isinstance(waiter, asyncio.Task):
        return f"task {waiter.get_name()!r}"
    owner = frames[-1].f_locals.get("self") if frames else None
    if type(owner).__module__.startswith("asyncio."):
        return repr(owner)  # an Event, a Lock, a Queue: the frame is in its own method
    return "its next turn" if waiter is None else repr(waiter)


def _followed(waiter: object, frames: list[FrameType]) -> list[asyncio.Task[Any]]:
    """Tasks below a task: awaited by one of asyncio's ways, or in a task group on its chain."""
    if isinstance(waiter, asyncio.Task):
        return [waiter]
    found = list(getattr(waiter, "_children", ()))  # of asyncio.gather
    for frame in frames:
        # As asyncio.wait has them, and wait_for of Python 3.11.
        are_awaited = frame.f_globals.get("__name__", "").startswith("asyncio.")
        for value in frame.f_locals.values():
            # asyncio's and anyio's, by their looks: anyio need not be there.
            if type(value).__name__ == "TaskGroup":
                found += getattr(value, "_tasks", ())
            elif are_awaited and isinstance(value, asyncio.Task):
                found.append(value)
            elif are_awaited and isinstance(value, set | list):
                found += value
    return [one for one in found if isinstance(one, asyncio.Task)]
