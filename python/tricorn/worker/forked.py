"""A child that the application forks: it must not touch what its parent still uses.

The child has copies of the sockets, of the poller and of the event loop, and the kernel's side of
them is shared. So it lets go of all at once, in the fork itself. It may go on with what it was
forked for; if it comes back to the server, by a return or by an exception, it ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import sys
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, Protocol

from tricorn._core import ClientDisconnected
from tricorn.worker.blame import app_traceback

_log = logging.getLogger("tricorn.app")

_is_child = False
"""This process was forked by an application that is being served."""


class Core(Protocol):
    """What serves, and can let go."""

    def abandon(self) -> None:
        """Close every descriptor, and do nothing any more."""


def abandon_in_child(core: Core, loop: asyncio.AbstractEventLoop | None = None) -> None:
    """From now on each child that is forked lets go of ``core``, and of the loop that drives it."""
    reference = weakref.ref(core)

    def abandon() -> None:
        global _is_child
        if (alive := reference()) is not None:
            _is_child = True
            alive.abandon()
            _reset_signals()
            if loop is not None:
                _cut_off(loop)

    os.register_at_fork(after_in_child=abandon)


def end_if_child(error: BaseException | None = None) -> None:
    """End this process if it is such a child: its request, or its task, has come back."""
    if _is_child:
        end_child(error)


def end_child(error: BaseException | None = None) -> NoReturn:
    """End at once, without what the parent will do (exit handlers, clean-ups of other requests).

    The exit code is that of a SystemExit, 1 after another exception, else 0.
    """
    code: Any = 0
    if isinstance(error, ClientDisconnected):
        error = None  # the child has no clients
    if isinstance(error, SystemExit):
        code = error.code
    elif error is not None:
        code = 1
        _log.error("a forked child of the application failed\n%s", app_traceback(error))
    else:
        _log.warning(
            "a child that the application forked came back to the server, and ends here; "
            "a child should end with os._exit() when its work is done"
        )
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit((code or 0) & 0xFF)


def _reset_signals() -> None:
    """A signal is for this process: neither for the parent, by its descriptor, nor for a server."""
    with suppress(ValueError):  # a thread that may not; its child's signals end it all the same
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals():
            handler = signal.getsignal(number)
            if getattr(handler, "__module__", "").partition(".")[0] in ("tricorn", "asyncio"):
                default = signal.default_int_handler
                signal.signal(number, default if number == signal.SIGINT else signal.SIG_DFL)


def _cut_off(loop: asyncio.AbstractEventLoop) -> None:
    """The loop hears nothing any more, and whatever it would do next ends the process."""
    _replace_poller(loop)
    _end_instead(loop, "call_soon_threadsafe")  # how the thread of a blocking call comes back
    task = asyncio.current_task(loop)
    ready = getattr(loop, "_ready", None)
    if isinstance(ready, deque):
        ready.appendleft(asyncio.Handle(_end_after, (task,), loop))
    else:  # uvloop: behind what is due in this turn
        with suppress(RuntimeError):
            loop.call_soon(_end_after, task)


def _end_after(task: asyncio.Task[Any] | None) -> NoReturn:
    """The step of the task that has forked is over."""
    error: BaseException | None = None
    if task is not None and task.done() and not task.cancelled():
        error = task.exception()
    end_child(error)


def _end_instead(loop: Any, name: str) -> None:
    """A call of this method of the loop ends the process."""

    def end(*_args: object, **_more: object) -> NoReturn:
        end_child()

    with suppress(AttributeError):
        setattr(loop, name, end)


def _replace_poller(loop: Any) -> None:
    """Put an empty poller in the place of the parent's; a kqueue is not inherited at all."""
    epoll: Callable[[], Any] | None = getattr(select, "epoll", None)
    poller = getattr(loop, "_selector", None)
    number = poller.fileno() if poller is not None else getattr(loop, "_get_backend_id", int)()
    if epoll is not None and number > 0:
        with epoll() as empty:
            os.dup2(empty.fileno(), number, inheritable=False)
