"""The lifespan of an ASGI application: its start-up before, and its end after all requests.

ASGI lifespan spec 2.0: one call of the application with scope ``{"type": "lifespan", "asgi": dict,
"state": dict}``; it receives ``lifespan.startup`` and ``lifespan.shutdown`` and answers each with
``….complete`` or ``….failed`` (``{"message": str}``).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from tricorn.errors import LifespanError
from tricorn.worker.blame import app_traceback
from tricorn.worker.ending import told
from tricorn.worker.forked import end_if_child

_SHOW_EVERY = 10.0
"""Seconds between the lines that say that a start-up still runs: some load models for minutes."""

_END_GRACE = 1.0
"""Seconds that the application's call gets to end by itself once it has nothing left to do."""

_log = logging.getLogger("tricorn.lifespan")


class Lifespan:
    """The lifespan call of one application in one worker.

    ``mode`` is ``auto`` (go on without it if the application does not speak it), ``on`` or
    ``off``. ``state`` is that of the application, with what the server has put there: copied into
    each scope.
    """

    def __init__(self, app: Any, mode: str, state: dict[str, Any] | None = None) -> None:
        self.state: dict[str, Any] = {} if state is None else state
        self._app = app
        self._mode = mode
        self._task: asyncio.Task[None] | None = None
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answer: asyncio.Future[str | None] | None = None
        self._phase = "startup"

    async def startup(self) -> None:
        """Run the application's start-up; raises LifespanError with the application's message."""
        if self._mode == "off":
            return
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._call(), name="tricorn lifespan")
        try:
            await self._ask("startup")
        except BaseException:
            await self._break_off(self._task)
            raise
        if self._task.done():
            self._without()
        else:
            self._task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        """The call should last until the shutdown; an error before is told when it happens."""
        error = None if task.cancelled() else task.exception()
        if error is not None and self._phase == "startup":
            _log.error("the application's lifespan ended with an error\n%s", app_traceback(error))

    async def shutdown(self) -> None:
        """Run the application's shutdown, if it had a start-up; failures are logged."""
        if self._task is None or self._task.done():
            return
        try:
            with told(lambda: "the lifespan shutdown of the application"):
                await self._ask("shutdown")
        except LifespanError as error:
            _log.error("%s", error)
        if self._task.done() and not self._task.cancelled() and (cause := self._task.exception()):
            _log.error("the application's lifespan ended with an error\n%s", app_traceback(cause))
        elif not self._task.done():
            await self._break_off(self._task)

    async def _break_off(self, task: asyncio.Task[None]) -> None:
        """End a call that is of no more use, with time to clean up."""
        if self._answer is None or not self._answer.done():
            task.cancel()
        await asyncio.wait([task], timeout=_END_GRACE)
        task.cancel()
        if task.done() and not task.cancelled():
            task.exception()  # told already; asyncio would report it as never looked at

    async def _call(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        end_if_child()
        return await self._to_app.get()

    async def _ask(self, phase: str) -> None:
        """Send an event and wait for its answer, or for the end of the application's call."""
        assert self._task is not None
        self._phase = phase
        self._answer = asyncio.get_running_loop().create_future()
        self._to_app.put_nowait({"type": f"lifespan.{phase}"})
        waited = 0.0
        while not self._answer.done() and not self._task.done():
            await asyncio.wait(
                (self._answer, self._task),
                timeout=_SHOW_EVERY if phase == "startup" else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            waited += _SHOW_EVERY
            if not self._answer.done() and not self._task.done():
                _log.info("the application's startup still runs after %.0f s", waited)
        if self._answer.done() and (message := self._answer.result()) is not None:
            raise LifespanError(f"the application's {phase} failed: {message or 'no reason given'}")

    async def _send(self, message: dict[str, Any]) -> None:
        end_if_child()
        kind = message.get("type")
        complete, failed = f"lifespan.{self._phase}.complete", f"lifespan.{self._phase}.failed"
        if kind not in (complete, failed) or self._answer is None or self._answer.done():
            raise RuntimeError(
                f"send() expected {complete!r} or {failed!r} once in this lifespan phase, "
                f"got {kind!r}"
            )
        self._answer.set_result(message.get("message", "") if kind == failed else None)

    def _without(self) -> None:
        """The call ended at start-up: fine if it had answered, or if it need not."""
        assert self._task is not None and self._answer is not None
        error = self._task.exception()
        if self._answer.done():
            if error is not None:
                raise LifespanError(
                    f"the application's lifespan ended with an error\n{app_traceback(error)}"
                )
            return
        if self._mode == "on":
            reason = f"\n{app_traceback(error)}" if error else "it returned without an answer"
            raise LifespanError(
                f"the application does not support lifespan, which --lifespan on demands: {reason}"
            )
        _log.debug("the application does not support lifespan: %r", error)
