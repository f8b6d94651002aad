"""Makes worker processes, by the only fork, and ends them by signals."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import FrameType

from tricorn._core import Scoreboard, rotate_tickets
from tricorn.config import Config
from tricorn.logs.streams import flush_streams
from tricorn.net.listener import Listener
from tricorn.supervisor.messages import Outbox, Post
from tricorn.supervisor.privileges import Identity, drop
from tricorn.supervisor.setup import Link
from tricorn.supervisor.stacks import Stacks
from tricorn.supervisor.title import set_title, shows_all, worker_title

Work = Callable[[Config, Sequence[Listener], Link], int]

_QUIET = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
"""Come from a terminal or too early: the supervisor decides, and a starting worker goes on."""


class Spawner:
    """Makes workers; ``pid`` is the supervisor's own."""

    def __init__(self, work: Work, scoreboard: Scoreboard) -> None:
        self.pid = os.getpid()
        self._work = work
        self._scoreboard = scoreboard
        self._identity: Identity | None = None

    def become(self, identity: Identity | None) -> None:
        """Workers from now on run as another user."""
        self._identity = identity

    def fork(
        self,
        config: Config,
        listeners: Sequence[Listener],
        number: int,
        generation: int,
        stacks: Stacks,
    ) -> tuple[int, Post] | Callable[[], int]:
        """The new worker's pid and our ends; in the worker itself, what it is to do.

        Raises OSError if the system has no process or no descriptor to give.
        """
        said, saying, orders, ordering = ends = _ends()
        flush_streams()
        rotate_tickets()  # a worker is to know no keys that are forgotten elsewhere
        # A signal between the fork and the change of handlers would be lost in the worker.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
        except OSError:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            _close(ends)
            raise
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(saying)
            os.close(orders)
            post = Post(said, ordering)
            stacks.ask_for_tasks = post.tell_tasks
            return pid, post
        os.close(said)
        os.close(ordering)
        show = partial(_show, config, number, generation)
        link = Link(
            outbox=Outbox(saying),
            orders=orders,
            tasks=stacks.tasks,
            scoreboard=self._scoreboard,
            number=number,
            show=show if shows_all() else None,
        )
        # Without the file and its path: those belong to the supervisor.
        own = [replace(one, path=None, identity=None) for one in listeners]

        def live() -> int:
            for number in _QUIET:
                signal.signal(number, _nothing)
            stacks.write_on_signal()
            show("starting")
            if self._identity is not None:
                drop(self._identity)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return self._work(config, own, link)

        return live


def _ends() -> tuple[int, int, int, int]:
    """A pipe for what the worker says, and a pair of sockets for its orders; both or none."""
    said = os.pipe()
    try:
        orders, ordering = socket.socketpair()
    except OSError:
        _close(said)
        raise
    return *said, orders.detach(), ordering.detach()


def _close(descriptors: Collection[int]) -> None:
    for fd in descriptors:
        os.close(fd)


def _show(config: Config, number: int, generation: int, state: str) -> None:
    set_title(worker_title(config.operations.proc_name, number, generation, state))


def _nothing(number: int, frame: FrameType | None) -> None:
    """Unlike SIG_IGN, this is not inherited by programs that the application starts."""


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a worker; if it has gone, its status will tell."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def kill_all(pids: Collection[int]) -> None:
    """End workers at once, and wait for them."""
    for pid in pids:
        send(pid, signal.SIGKILL)
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
