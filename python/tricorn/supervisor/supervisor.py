"""The loop of the supervisor: wait, take in what happened, decide, act.

`run` returns in two kinds of process: in the supervisor with its exit code when all is over, and in
each new worker with the function that is to be its life. So a worker never runs on the supervisor's
stack, and ends like any program.
"""

from __future__ import annotations

import logging
import math
import os
import selectors
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from tricorn._core import Scoreboard
from tricorn.config import Config
from tricorn.errors import TricornError
from tricorn.logs.error_log import configure
from tricorn.supervisor.development import Reloader, reloader_of
from tricorn.supervisor.exits import exit_code, explain
from tricorn.supervisor.fleet import Failure, Fleet, State, Worker
from tricorn.supervisor.generations import Generations
from tricorn.supervisor.health import Health
from tricorn.supervisor.messages import Failed, Message, Post, Ready
from tricorn.supervisor.policy import Kill, Patience, Plan, Retire, Spawn, decide, wake_at
from tricorn.supervisor.setup import Setup
from tricorn.supervisor.signals import Inlet
from tricorn.supervisor.sockets import Sockets
from tricorn.supervisor.spawn import Spawner
from tricorn.supervisor.upgrade import Takeover, Upgrade, working_directory

_log = logging.getLogger("tricorn.supervisor")

MOST_WORKERS = 512
"""More make no sense on one machine; twice as many fit on the scoreboard during a reload."""
QUICK = 1.5
"""Seconds that workers get to cancel and shut down when the server stops quickly."""

Child = Callable[[], int]
"""What a new worker process is to do."""


class Supervisor:
    """Keeps the wanted number of workers serving; one object per process, used once."""

    def __init__(self, setup: Setup, config: Config) -> None:
        self._setup = setup
        self._fleet = Fleet()
        self._patience = Patience()
        self._health = Health(Scoreboard(2 * MOST_WORKERS))
        self._directory = working_directory()
        self._takeover = Takeover.from_environment()
        self._sockets = Sockets(self._takeover.sockets)
        self._upgrade: Upgrade | None = None
        self._reloader: Reloader | None = None
        self._selector = selectors.DefaultSelector()
        self._spawner = Spawner(setup.work, self._health.scoreboard)
        self._posts: dict[int, Post] = {}
        self._generations = Generations(config)
        self._wanted = workers_of(config)
        self._stopping = ""
        self._graceful_timeout: float | None = None
        self._ready: Ready | None = None
        self._exit_code: int | None = None

    def run(self) -> int | Child:
        """Serve until told to stop. Raises BindError before any worker is started."""
        self._sockets.open(self._config.listen)
        self._reloader = reloader_of(self._config)
        if self._reloader is not None:
            self._selector.register(self._reloader, selectors.EVENT_READ, self._take_changes)
        self._inlet = Inlet()
        self._selector.register(self._inlet, selectors.EVENT_READ, self._take_signals)
        try:
            while self._exit_code is None:
                child = self._act()
                if child is not None:
                    return child
                self._settle()
                if self._stopping and not self._fleet.workers:
                    break
                self._wait()
        finally:
            if os.getpid() == self._spawner.pid:
                self._sockets.close()
                if self._reloader is not None:
                    self._reloader.stop()
        return self._exit_code or 0

    @property
    def _config(self) -> Config:
        return self._generations.config

    # ---- Waiting

    def _wait(self) -> None:
        """Take in what happens until something does, or a time comes."""
        now = time.monotonic()
        until = wake_at(self._fleet, self._plan(), now)
        tick = self._health.tick(self._config.process)
        waits = [tick, None if until is None else max(0.0, until - now)]
        timeout = min((one for one in waits if one is not None and one < math.inf), default=None)
        for key, _ in self._selector.select(timeout):
            key.data()
        self._check_health()

    def _take_signals(self) -> None:
        commands = {
            "stop": self._stop,
            "quit": self._quit,
            "reload": self._reload,
            "reopen": self._reopen,
            "upgrade": self._begin_upgrade,
            "more": lambda: self._scale(self._wanted + 1),
            "fewer": lambda: self._scale(max(1, self._wanted - 1)),
            "rest": self._rest,
            "reap": self._reap,
        }
        for command in self._inlet.commands():
            commands[command]()

    def _take_changes(self) -> None:
        assert self._reloader is not None
        try:
            if self._reloader.has_changes():
                self._reload()
        except TricornError as error:
            _log.error("%s", error)
            self._selector.unregister(self._reloader)

    def _take_messages(self, pid: int) -> None:
        if pid not in self._posts:
            return  # its end was taken in just now, with the same events
        messages, ended = self._posts[pid].read()
        if ended:
            self._selector.unregister(self._posts[pid])
        for message in messages:
            self._take(self._fleet.workers[pid], message)

    def _take(self, worker: Worker, message: Message) -> None:
        match message:
            case Ready():
                self._fleet.ready(worker.pid, time.monotonic())
                self._generations.answered(worker.generation)
                if not self._generations.settled:
                    self._ready = message
            case Failed(code, text):
                worker.failure = Failure(code, text)

    # ---- What was asked for

    def _stop(self) -> None:
        if self._stopping == "gracefully":
            self._end_at_once()
            return
        self._stopping = "gracefully"
        self._sockets.close()
        for worker in self._fleet.workers.values():
            if worker.state is State.DRAINING:
                self._leave(worker.pid)  # it retires, and would wait for idle clients

    def _quit(self) -> None:
        if self._stopping == "quickly":
            self._end_at_once()
            return
        self._stopping = "quickly"
        self._sockets.close()
        until = time.monotonic() + QUICK
        for worker in self._fleet.workers.values():
            self._fleet.retired(worker.pid, until)
            self._signal(worker.pid, signal.SIGQUIT)

    def _end_at_once(self) -> None:
        self._kill_all()
        self._exit_code = 1

    def _kill_all(self) -> None:
        for pid in self._fleet.workers:
            self._signal(pid, signal.SIGKILL)
        for pid in self._fleet.workers:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _reload(self) -> None:
        """Begin a new generation from the configuration as it is now."""
        try:
            config = self._setup.load()
            self._sockets.open(config.listen)
            configure(config.logs)
        except TricornError as error:
            _log.error("reload failed, the server goes on as it was: %s", error)
            return
        before = self._generations.current
        self._generations.begin(config)
        _log.info("reloading: generation %d follows %d", self._generations.current, before)
        self._wanted = workers_of(config)
        self._patience.forget()

    def _reopen(self) -> None:
        configure(self._config.logs)
        for pid in self._fleet.workers:
            self._signal(pid, signal.SIGUSR1)

    def _begin_upgrade(self) -> None:
        if self._upgrade is not None or self._stopping:
            return
        try:
            self._upgrade = Upgrade.begin(self._sockets.all, self._directory)
        except OSError as error:
            _log.error("upgrade failed, the server goes on as it was: %s", error)
            return
        _log.info("upgrade: the new supervisor is process %d", self._upgrade.pid)
        self._selector.register(self._upgrade, selectors.EVENT_READ, self._end_upgrade)

    def _end_upgrade(self) -> None:
        upgrade, self._upgrade = self._upgrade, None
        assert upgrade is not None
        self._selector.unregister(upgrade)
        if upgrade.succeeded():
            _log.info("upgrade: process %d has taken over", upgrade.pid)
            self._stopping = "handed over"
            self._sockets.hand_over()
        else:
            _log.error("upgrade failed, the server goes on as it was")

    def _scale(self, wanted: int) -> None:
        self._wanted = min(wanted, MOST_WORKERS)
        _log.info("%d workers are wanted now", self._wanted)

    def _rest(self) -> None:
        if not os.isatty(0):  # a terminal sends this signal when its window changes
            self._wanted = 0

    # ---- What has happened to workers

    def _settle(self) -> None:
        """When all workers of the newest generation answer, and no others: it has taken over."""
        generations, config = self._generations, self._config
        if generations.settled == generations.current or self._stopping:
            return
        if not self._fleet.is_up(generations.current, self._wanted):
            return
        generations.settle()
        self._sockets.keep_only(config.listen)
        if self._ready is not None:
            addresses = [one.display for one in self._sockets.open(config.listen)]
            self._setup.announce(self._ready, addresses, self._wanted)
            self._takeover.done()
            self._ready = None

    def _reap(self) -> None:
        for pid in list(self._fleet.workers):
            try:
                found, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                found, status = pid, 0  # somebody else took its status
            if found:
                self._take_messages_left(pid)
                self._gone(self._fleet.gone(pid), status)

    def _take_messages_left(self, pid: int) -> None:
        post = self._posts[pid]
        if post in self._selector.get_map():
            self._take_messages(pid)
        if post in self._selector.get_map():
            self._selector.unregister(post)
        self._posts.pop(pid).close()

    def _gone(self, worker: Worker, status: int) -> None:
        self._health.gone(worker)
        if worker.state is State.DRAINING:
            if worker.killed:
                _log.warning("worker %d was killed: %s", worker.pid, worker.killed)
            return
        self._patience.died(time.monotonic() - worker.born, time.monotonic())
        if worker.ready_at is None and worker.generation > self._generations.proven:
            self._could_not_start(worker, status)
            return
        what = worker.failure.text if worker.failure else explain(status, worker.killed)
        _log.error("worker %d ended: %s; another one starts", worker.pid, what)

    def _could_not_start(self, worker: Worker, status: int) -> None:
        """The first sign of life of a generation is its death: back to the one before."""
        text = worker.failure.text if worker.failure else f"a worker ended: {explain(status)}"
        if worker.generation != self._generations.current:
            return  # given up already
        if self._config.development.reload:
            _log.error("%s; waiting for a change of the files", text)
            self._patience.not_before = math.inf
            return
        if not self._generations.proven:
            self._kill_all()
            raise StartError(
                text, worker.failure.exit_code if worker.failure else exit_code(status) or 1
            )
        _log.error("reload failed, the server goes on as it was: %s", text)
        self._generations.take_back()
        self._wanted = workers_of(self._config)
        self._sockets.keep_only(self._config.listen)

    def _check_health(self) -> None:
        now = time.monotonic()
        for worker in self._fleet.staying():
            if worker.state is not State.READY:
                continue
            settings = self._generations.config_of(worker.generation).process
            why = self._health.check(worker, settings, now)
            if why:
                _log.error("worker %d hangs: %s; another one starts", worker.pid, why)
                worker.hang = why
                self._fleet.retired(worker.pid, now + self._health.ask_for_stacks(worker))

    # ---- Acting

    def _plan(self) -> Plan:
        process = self._config.process
        return Plan(
            wanted=self._wanted,
            generation=self._generations.current,
            surge=process.reload_surge,
            graceful_timeout=process.graceful_timeout,
            boot_timeout=process.boot_timeout,
            not_before=self._patience.not_before,
            stopping=bool(self._stopping),
            at_once=self._config.development.reload,
        )

    def _act(self) -> Child | None:
        """Carry out what is decided; in a new worker, return what it is to do."""
        now = time.monotonic()
        for action in decide(self._fleet, self._plan(), now):
            match action:
                case Spawn(number):
                    child = self._spawn(number)
                    if child is not None:
                        return child
                case Retire(pid, until, why):
                    _log.debug("worker %d leaves: %s", pid, why)
                    self._fleet.retired(pid, until)
                    self._leave(pid)
                case Kill(pid, why):
                    self._fleet.workers[pid].killed = why
                    self._signal(pid, signal.SIGKILL)
        return None

    def _leave(self, pid: int) -> None:
        """Tell a worker to go: at once idle clients too when nobody else will serve them."""
        handed_over = self._stopping == "handed over"
        others = handed_over or not (self._stopping or self._config.development.reload)
        if not others or self._fleet.workers[pid].ready_at is None:
            self._signal(pid, signal.SIGTERM)
        else:
            self._posts[pid].retire()

    def _spawn(self, number: int) -> Child | None:
        config = self._config
        listeners = self._sockets.open(config.listen)
        stacks = self._health.prepare(number)
        spawned = self._spawner.fork(config, listeners, number, stacks)
        if callable(spawned):
            self._forget()
            return spawned
        pid, post = spawned
        worker = self._fleet.spawned(pid, number, self._generations.current, time.monotonic())
        self._health.started(worker, config.process)
        self._posts[pid] = post
        self._selector.register(post, selectors.EVENT_READ, lambda: self._take_messages(pid))
        return None

    def _forget(self) -> None:
        """In a new worker: let go of what is the supervisor's."""
        if self._reloader is not None:
            self._reloader.abandon()
        self._inlet.close()
        self._selector.close()
        for post in self._posts.values():
            post.close()

    @staticmethod
    def _signal(pid: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it has gone, and its status will tell
            os.kill(pid, number)


class StartError(TricornError):
    """The first workers could not start, and no others would."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def workers_of(config: Config) -> int:
    """How many workers a configuration asks for."""
    from tricorn.supervisor.cpus import usable_cpus

    count = config.process.workers
    return usable_cpus() if count == 0 else (count or 1)
