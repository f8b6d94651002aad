"""Watches the requests of an ASGI application for those that take too long.

A thread of its own decides when to look; the event loop looks, since only there the tasks stand
still. If it does not get to it, the loop is blocked: then the thread tells where.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import Any

from tricorn._core import AsgiCore
from tricorn.config.serving import Process
from tricorn.worker.awaiting import awaiting
from tricorn.worker.hooks import named
from tricorn.worker.overdue import GRACE, Overdue, Step
from tricorn.worker.place import Place, what_follows
from tricorn.worker.threads import stack_of

_log = logging.getLogger("tricorn.worker")

Task = asyncio.Task[None]


class AsgiWatch:
    """Made in the event loop's thread; ``place`` has the names of the requests in flight."""

    def __init__(self, core: AsgiCore, overdue: Overdue[Task], place: Place) -> None:
        self._core = core
        self._overdue = overdue
        self._place = place
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._looked = threading.Event()
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="tricorn-overdue", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._overdue.rest):
            self._looked.clear()
            try:
                self._loop.call_soon_threadsafe(self._look)
            except RuntimeError:  # it is closed
                return
            blocked = _Blocked(self._place, self._overdue)
            while not (self._looked.wait(GRACE) or self._ended.is_set()):
                blocked.tell(self._loop_thread)

    def _look(self) -> None:
        try:
            held = {task: (scope, taken) for task, scope, taken in self._core.in_flight() if taken}
            for task, step in self._overdue.look(
                {task: taken for task, (_, taken) in held.items()}
            ):
                scope, taken = held[task]
                self._take(step, task, f"{named(scope)} has taken {taken:.1f} s")
        finally:
            self._looked.set()

    def _take(self, step: Step, task: Task, what: str) -> None:
        chain = awaiting(task)
        if step is Step.TELL:
            _log.warning("%s so far (--slow-request)\n%s", what, chain)
        elif step is Step.INTERRUPT:
            _log.error("%s: it is cancelled (--request-timeout)\n%s", what, chain)
            self._core.time_out(task)
            task.cancel("the request took longer than --request-timeout")
        else:
            self._core.give_up(task)
            follows = what_follows(self._place)
            _log.error("%s and goes on after it was cancelled; %s\n%s", what, follows, chain)


class _Blocked:
    """One time in which the event loop does not turn; each request is told once for each limit."""

    def __init__(self, place: Place, overdue: Overdue[Task]) -> None:
        self._place = place
        self._limits = (overdue.slow, overdue.timeout)
        self._told: dict[tuple[Any, ...], float] = {}
        self._marked = False

    def tell(self, thread: int) -> None:
        """Log the requests that have become overdue since it was told last, and where it is."""
        late = self._overdue(self._limits[1])
        slow = self._overdue(self._limits[0])
        if not slow and not late:
            return
        what = "--request-timeout" if late else "--slow-request"
        follows = ""
        if late and not self._marked:
            self._marked = True
            follows = f"; {what_follows(self._place)}"
        text = ", ".join([*late, *slow])
        _log.error(
            "the event loop is blocked and holds up %s (%s)%s; it is here:\n%s",
            *(text, what, follows, stack_of(thread)),
        )

    def _overdue(self, limit: float) -> list[str]:
        """Those in flight for longer than ``limit`` that were not told yet, in words."""
        texts = []
        now = time.monotonic()
        for one in self._place.requests():
            age = now - one["started"] / 1000
            key = tuple(one.values())
            if limit and age >= limit and limit > self._told.get(key, 0.0):
                self._told[key] = limit
                client = one["client"] or "a client without an address"
                texts.append(f"{one['request']} of {client} for {age:.1f} s")
        return texts


def watch_asgi(core: AsgiCore, settings: Process, place: Place) -> AsgiWatch | None:
    """A watch over the requests of a core, if the settings ask for one."""
    overdue: Overdue[Task] | None = Overdue.of(settings)
    return None if overdue is None else AsgiWatch(core, overdue, place)
