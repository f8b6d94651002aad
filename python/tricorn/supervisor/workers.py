"""The worker processes: starts them, hears them, tells them to leave, notices their end."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from tricorn._core import Scoreboard
from tricorn.config import Config
from tricorn.config.kinds import MOST_WORKERS
from tricorn.logs.files import held
from tricorn.net.listener import Listener
from tricorn.supervisor.fleet import Fleet, State, Worker
from tricorn.supervisor.health import Health
from tricorn.supervisor.loop import Loop
from tricorn.supervisor.messages import Message, Post
from tricorn.supervisor.policy import Spawn
from tricorn.supervisor.privileges import Identity
from tricorn.supervisor.spawn import Spawner, Work, kill_all, send

_log = logging.getLogger("tricorn.supervisor")

Child = Callable[[], int]
"""What a new worker process is to do."""


class Workers:
    """The fleet with its processes and pipes.

    ``said`` is called with each message of a worker, ``gone`` with each that has ended and its wait
    status.
    """

    def __init__(
        self,
        work: Work,
        loop: Loop,
        said: Callable[[Worker, Message], None],
        gone: Callable[[Worker, int], None],
    ) -> None:
        self.fleet = Fleet()
        self.health = Health(Scoreboard(2 * MOST_WORKERS))  # twice: during a reload
        self._spawner = Spawner(work, self.health.scoreboard)
        self._loop = loop
        self._said = said
        self._gone = gone
        self._posts: dict[int, Post] = {}

    @property
    def is_parent(self) -> bool:
        """Whether this process is the one that starts workers, and not one of them."""
        return os.getpid() == self._spawner.pid

    def become(self, identity: Identity | None) -> None:
        """Workers from now on run as another user."""
        self._spawner.become(identity)

    def spawn(
        self, config: Config, listeners: Sequence[Listener], place: Spawn, generation: int
    ) -> Child | None:
        """Start one; in the new process itself, what it is to do.

        Raises OSError if the system does not let it begin; nothing is left of it then.
        """
        try:
            stacks = self.health.prepare(place.number)
            spawned = self._spawner.fork(config, listeners, place.number, generation, stacks)
        except OSError:
            self.health.unprepare(place.number)
            raise
        if callable(spawned):
            for post in self._posts.values():
                post.close()
            return spawned
        pid, post = spawned
        now = time.monotonic()
        worker = self.fleet.spawned(pid, place.number, generation, now, place.seat)
        _log.info("worker %d starts, of generation %d", pid, generation)
        self.health.started(worker, config.process)
        self._posts[pid] = post
        self._loop.watch(post, lambda: self._hear(pid))
        return None

    def ready(self, worker: Worker) -> None:
        """One answers requests."""
        now = time.monotonic()
        _log.info("worker %d is ready after %.2f s", worker.pid, now - worker.born)
        self.fleet.ready(worker.pid, now)

    def leaves(self, pid: int, until: float, why: str) -> None:
        """One is about to be told to leave."""
        what = "is recycled" if self.fleet.workers[pid].worn else "leaves"
        _log.info("worker %d %s: %s", pid, what, why)
        self.fleet.retired(pid, until)

    def retire(self, pid: int) -> None:
        """Have one leave, and its clients come to others: idle ones with their next response."""
        self._posts[pid].retire()
        if self.fleet.workers[pid].ready_at is None:
            self.stop(pid)  # a start-up is broken off; it may just have ended, though

    def stop(self, pid: int) -> None:
        """Have one finish what it has, and close idle connections at once."""
        send(pid, signal.SIGTERM)

    def in_flight(self) -> int:
        """How many requests all of them have."""
        return sum(self.health.read(one)["in_flight"] for one in self.fleet.workers.values())

    def announce_stop(self) -> None:
        """Have all say that they are not ready, while they serve on."""
        self.health.scoreboard.announce_stop()

    def stop_draining(self) -> None:
        """Nobody else will serve: those that retire stop waiting for idle clients."""
        for worker in self.fleet.workers.values():
            if worker.state is State.DRAINING:
                self.stop(worker.pid)

    def quit(self, until: float, overdue: str) -> None:
        """Have all cancel what they have, and be gone by then; ``overdue`` is said of others."""
        for worker in self.fleet.workers.values():
            self.fleet.retired(worker.pid, until)
            worker.overdue = overdue
            send(worker.pid, signal.SIGQUIT)

    def kill(self, pid: int, why: str) -> None:
        """End one that does not leave."""
        self.fleet.workers[pid].killed = why
        send(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """End all at once, and wait for them."""
        kill_all(self.fleet.workers)

    def reopen_logs(self, config_of: Callable[[int], Config]) -> None:
        """Hand the log files on that were opened anew, to each those of its generation."""
        for pid, worker in self.fleet.workers.items():
            self._posts[pid].reopen(held(config_of(worker.generation).logs))

    def reap(self) -> None:
        """Take leave of those that have ended."""
        for pid in list(self.fleet.workers):
            try:
                found, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                found, status = pid, 0  # somebody else took its status
            if found:
                self._hear_the_last(pid)
                worker = self.fleet.gone(pid)
                if worker.killed and worker.state is State.DRAINING:
                    held = "" if worker.hang else self.health.held(worker)  # that tells it too
                    _log.warning("worker %d was killed: %s%s", pid, worker.killed, held)
                elif worker.state is State.DRAINING:
                    _log.info("worker %d has ended", pid)
                self._gone(worker, status)
        if os.getpid() == 1:
            self._reap_orphans()

    def _reap_orphans(self) -> None:
        """Process 1 inherits what the children of workers leave behind."""
        with suppress(ChildProcessError):
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if found.si_pid in self.fleet.workers:
                    return  # it has just ended, and has a signal of its own
                os.waitpid(found.si_pid, 0)

    def look_after(self, config_of: Callable[[int], Config], current: Config) -> None:
        """See who hangs and who is worn, by the settings of each one's generation."""
        now = time.monotonic()
        serving = [one for one in self.fleet.staying() if one.state is State.READY]
        for worker in serving:
            why = self.health.check(worker, config_of(worker.generation).process, now)
            if why:
                worker.hang = why + self.health.held(worker)
                _log.error("worker %d hangs: %s; another one starts", worker.pid, worker.hang)
                self.fleet.retired(worker.pid, now + self.health.ask_for_stacks(worker))
        self.health.check_group(serving, current.process.max_memory_total, now)

    def _hear(self, pid: int) -> None:
        messages, ended = self._posts[pid].read()
        if ended:
            self._loop.forget(self._posts[pid])
        for message in messages:
            self._said(self.fleet.workers[pid], message)

    def _hear_the_last(self, pid: int) -> None:
        post = self._posts[pid]
        if self._loop.watches(post):
            self._hear(pid)
        self._loop.forget(post)
        self._posts.pop(pid).close()
