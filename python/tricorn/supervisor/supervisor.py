"""The loop of the supervisor: wait, take in what happened, decide, act.

`run` returns in two kinds of process: in the supervisor with its exit code when all is over, and in
each new worker with the function that is to be its life. So a worker never runs on the supervisor's
stack, and ends like any program.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from functools import partial

from tricorn.config import Config
from tricorn.config.kinds import MOST_WORKERS
from tricorn.errors import TricornError
from tricorn.logs.error_log import configure_all
from tricorn.net.listener import with_scheme
from tricorn.supervisor.autoscale import Autoscaler, undone
from tricorn.supervisor.commands import Commands
from tricorn.supervisor.development import Reloader, reloader_of
from tricorn.supervisor.exits import StartError, exit_code, explain, explain_end, explain_refusal
from tricorn.supervisor.fleet import Failure, Fleet, State, Worker
from tricorn.supervisor.generations import Generations
from tricorn.supervisor.health import TICK, Health
from tricorn.supervisor.loop import Loop
from tricorn.supervisor.messages import Failed, Logged, Message, Ready
from tricorn.supervisor.outcome import Outcome
from tricorn.supervisor.patience import Patience
from tricorn.supervisor.policy import Kill, Plan, Retire, Spawn, decide, wake_at
from tricorn.supervisor.preload import is_preloaded, preload
from tricorn.supervisor.privileges import apply_umask, resolve
from tricorn.supervisor.setup import Setup
from tricorn.supervisor.signals import CHANGES, Inlet
from tricorn.supervisor.sockets import Sockets
from tricorn.supervisor.stopping import Stopping
from tricorn.supervisor.surroundings import Surroundings
from tricorn.supervisor.trial import Counts, Trials
from tricorn.supervisor.upgrade import Takeover, Upgrades
from tricorn.supervisor.workers import Child, Workers

_log = logging.getLogger("tricorn.supervisor")

_STARTS = 4
"""Workers that are started in one turn of the loop: many take long, and a stop must not wait."""


class Supervisor:
    """Keeps the wanted number of workers serving; one object per process, used once."""

    def __init__(self, setup: Setup, config: Config) -> None:
        self._setup = setup
        self.loop = Loop()
        self.workers = Workers(setup.work, self.loop, self._take, self._gone)
        self.patience = Patience()
        self._takeover = Takeover.from_environment()
        self._sockets = Sockets(self._takeover.sockets)
        self._upgrades = Upgrades(
            self.loop, lambda: self.ending.hand_over(), partial(self._failed, "upgrade")
        )
        self._reloader: Reloader | None = None
        self._commands = Commands(self)
        self.around = Surroundings(config, self.loop, self._commands.take)
        self._generations = Generations(config, self._takeover.generation)
        self._trials = Trials(self._generations, self._counts, self._roll_back)
        self._autoscaler = Autoscaler(self.fleet, self.health)
        self.wanted = self._autoscaler.configure(config.process, self._takeover.workers)
        self.ending = Stopping(self.loop, self.workers, self._sockets, self.around, self._upgrades)
        self.outcome = Outcome(self.around)
        self._ready: Ready | None = None
        self._starts_more = False

    def run(self) -> int | Child:
        """Serve until told to stop. Raises TricornError if it can't begin, and leaves nothing."""
        try:
            self._open()
            return self._serve()
        except TricornError as error:
            self._takeover.failed(str(error))
            raise
        finally:
            if self.workers.is_parent:
                self._sockets.close()
                self.around.close()
                if self._reloader is not None:
                    self._reloader.stop()

    def _open(self) -> None:
        """Everything that can fail before there is a worker."""
        apply_umask(self.config.operations)
        self.workers.become(resolve(self.config.operations))
        self._sockets.open(self.config.listen)
        self._open_logs()
        self._reloader = reloader_of(self.config)
        if self._reloader is not None:
            self.loop.watch(self._reloader, self._take_changes)
        if not self._takeover.is_due:
            self.around.claim()
        if is_preloaded(self.config):
            preload(self.config, self._setup.preload)

    def _serve(self) -> int | Child:
        self._inlet = Inlet()
        self.loop.watch(self._inlet, self._take_signals)
        while self.ending.exit_code is None:
            child = self._act()
            if child is not None:
                return child
            self._settle()
            self._commands.attend()
            if self.stopping and not (self.fleet.workers or self._upgrades.is_stopping):
                break
            self._wait()
        _log.info("stopped")
        return self.ending.exit_code or 0

    @property
    def stopping(self) -> str:
        """How the server is being stopped; nothing while it serves."""
        return self.ending.how

    @property
    def fleet(self) -> Fleet:
        """The bookkeeping of the workers."""
        return self.workers.fleet

    @property
    def health(self) -> Health:
        """What looks after the workers that serve."""
        return self.workers.health

    @property
    def config(self) -> Config:
        """The configuration of the current generation."""
        return self._generations.config

    @property
    def generation(self) -> int:
        """The generation that is wanted."""
        return self._generations.current

    def addresses(self) -> list[str]:
        """The display form of every listener."""
        return with_scheme(self._sockets.displays(), self.config.tls.scheme)

    def _wait(self) -> None:
        """Take in what happens until something does, or a time comes."""
        around = self.around
        until = wake_at(self.fleet, self._plan(), time.monotonic())
        self.loop.wait(until, [*self._ticks(), *around.waits()])
        around.attend(self.config)
        self.workers.look_after(self._generations.config_of, self.config)
        self._trials.judge()
        if self._generations.settled == self.generation and not self.stopping:
            self.wanted = self._autoscaler.look(self.wanted)

    def _ticks(self) -> tuple[float | None, ...]:
        """Seconds to the next looks at the workers."""
        trial = TICK if self._trials.is_open else None
        starts = 0.0 if self._starts_more else None
        return self.health.tick(self.config.process), self._autoscaler.tick(), trial, starts

    def _take_signals(self) -> None:
        commands: dict[str, Callable[[str], None]] = {
            "stop": self.stop,
            "quit": self.ending.quit,
            "reload": lambda _: self.reload(),
            "reopen": lambda _: self._reopen(),
            "upgrade": lambda _: self._begin_upgrade(),
            "more": lambda _: self.scale(self.wanted + 1),
            "fewer": lambda _: self.scale(max(1, self.wanted - 1)),
            "rest": lambda _: self._rest(),
            "reap": lambda _: self.workers.reap(),
        }
        for command, cause in self._inlet.commands():
            if command in CHANGES and (why := self.ending.refusal):
                _log.warning("%s is refused: %s", cause, why)
            else:
                commands[command](cause)

    def _take_changes(self) -> None:
        assert self._reloader is not None
        try:
            if self._reloader.has_changes():
                self.reload()
        except TricornError as error:
            _log.error("%s", error)
            self.loop.forget(self._reloader)

    def _take(self, worker: Worker, message: Message) -> None:
        match message:
            case Ready():
                self.workers.ready(worker)
                self._trials.answered(worker.generation)
                if worker.generation == self.generation:
                    self._ready = message
            case Failed(code, text):
                worker.failure = Failure(code, text)
            case Logged(line):
                self.around.messages.add(line)

    def stop(self, cause: str) -> None:
        """Stop gracefully, after ``--drain-delay``; the second time, at once."""
        self.ending.stop(self.config.process, cause, not self._takeover.is_due)

    def reload(self) -> None:
        """Begin a new generation from the configuration of now."""
        if self.ending.is_meant:
            return  # it would open the addresses again
        try:
            config = self._setup.load()
            if is_preloaded(config) or is_preloaded(self.config):
                self.around.reloading(undone(config, self.wanted))
                self._begin_upgrade()
                return
            self._sockets.open(config.listen)
            self._open_logs(config)
        except TricornError as error:
            self._sockets.keep_only(*(one.listen for one in self._generations.configs))
            self._failed("reload", str(error))
            return
        self.around.reloading(undone(config, self.wanted))
        self._trials.forget()
        self._generations.begin(config)
        _log.info("reloading: generation %d starts", self.generation)
        self.wanted = self._autoscaler.configure(config.process, self.wanted)
        self.patience.forget()

    def _failed(self, what: str, why: str) -> None:
        self.outcome.failed(what, why, self.generation, self.wanted)

    def _reopen(self) -> None:
        try:
            self._open_logs()
        except TricornError as error:
            _log.error("the logs could not be opened anew: %s", error)
        else:
            self.workers.reopen_logs(self._generations.config_of)

    def _open_logs(self, *more: Config) -> None:
        """Those of all generations that may have workers, and of one to come."""
        configure_all([one.logs for one in (*self._generations.configs, *more)])

    def _begin_upgrade(self) -> None:
        numbers = {"generation": self._generations.following, "workers": self.wanted}
        self._upgrades.begin(self._sockets.hand_on(), numbers, self.config.process.boot_timeout)

    def scale(self, wanted: int) -> None:
        """Have so many workers from now on."""
        self.wanted = min(self._autoscaler.bounded(wanted), MOST_WORKERS)
        _log.info("%d workers are wanted now", self.wanted)

    def _rest(self) -> None:
        # A terminal sends this signal when its window changes.
        if not (os.isatty(0) or self.ending.is_meant):
            self.wanted = 0

    def _settle(self) -> None:
        """When all workers of the newest generation answer, and no others: it has taken over."""
        generations, config = self._generations, self.config
        is_up = self.fleet.is_up(generations.current, self.wanted)
        if generations.settled == generations.current or self.stopping or not is_up:
            return
        failure = self._ready.failure if self._ready is not None else ""
        has_news = not generations.settled or failure
        generations.settle()
        self.outcome.settled(generations.settled, self.wanted, failure)
        if self._takeover.is_due:
            self._sockets.take_over()
        self._sockets.keep_only(config.listen)
        if self._ready is not None and has_news:
            self._setup.announce(self._ready, self.addresses(), self.wanted)
            if self._takeover.is_due:
                self._sockets.keep_seats(self.fleet.seats(self.wanted))
                self._takeover.done()
                self.around.claim_after()

    def _gone(self, worker: Worker, status: int) -> None:
        held = self.health.held(worker)
        self.health.gone(worker)
        if worker.state is State.DRAINING:
            return
        self.patience.died(time.monotonic() - worker.born, time.monotonic())
        if worker.ready_at is None and worker.generation > self._generations.proven:
            self._could_not_start(worker, status)
            return
        what = worker.failure.text if worker.failure else explain(status, worker.killed)
        _log.error("worker %d ended: %s%s; another one starts", worker.pid, what, held)

    def _could_not_start(self, worker: Worker, status: int) -> None:
        """The first sign of life of a generation is its death: back to the one before."""
        text = worker.failure.text if worker.failure else explain_end(status, worker.killed)
        if worker.generation != self.generation:
            return  # given up already
        if self.config.development.reload:
            _log.error("%s; waiting for a change of the files", text)
            self.patience.not_before = math.inf
            return
        if not self._generations.proven:
            self.workers.kill_all()
            raise StartError(
                text, worker.failure.exit_code if worker.failure else exit_code(status) or 1
            )
        self._roll_back(text)

    def _counts(self, generation: int, late: float) -> dict[int, Counts]:
        return {one.pid: self.health.counts(one, late) for one in self.fleet.staying(generation)}

    def _roll_back(self, why: str) -> None:
        self._generations.take_back()
        self.wanted = self._autoscaler.configure(self.config.process, self.wanted)
        self._sockets.keep_only(self.config.listen)
        self._failed("reload", why)

    def _plan(self) -> Plan:
        process = self.config.process
        # A successor that starts has the seats too: until one of us goes, each keeps its worker.
        holds = self.config.listen.reuse_port and self._upgrades.is_running
        return Plan(
            wanted=self.wanted,
            generation=self.generation,
            surge=process.reload_surge,
            graceful_timeout=process.graceful_timeout,
            boot_timeout=process.boot_timeout,
            not_before=self.patience.not_before,
            stopping=bool(self.stopping),
            on_trial=self._trials.is_open or holds,
            at_once=self.config.development.reload,
        )

    def _act(self) -> Child | None:
        """Carry out what is decided; in a new worker, return what it is to do."""
        starts = 0
        for action in decide(self.fleet, self._plan(), time.monotonic()):
            match action:
                case Spawn():
                    starts += 1
                    child = self._spawn(action) if starts <= _STARTS else None
                    if child is not None:
                        return child
                case Retire(pid, until, why):
                    self.workers.leaves(pid, until, why)
                    self._close_seats()
                    self._leave(pid)
                case Kill(pid, why):
                    self.workers.kill(pid, why)
        self._starts_more = starts > _STARTS
        self._close_seats()
        return None

    def _close_seats(self) -> None:
        if not (self._takeover.is_due or self._upgrades.is_running):
            self._sockets.keep_seats(self.fleet.seats(self.wanted))

    def _leave(self, pid: int) -> None:
        """Tell a worker to go: at once idle clients too when nobody else will serve them."""
        handed_over = self.stopping == "handed over"
        if handed_over or not (self.stopping or self.config.development.reload):
            self.workers.retire(pid)
        else:
            self.workers.stop(pid)

    def _spawn(self, place: Spawn) -> Child | None:
        now = time.monotonic()
        if now < self.patience.not_before:
            return None  # one before it was refused just now
        try:
            listeners = self._sockets.of_worker(self.config.listen, place.seat)
            child = self.workers.spawn(self.config, listeners, place, self.generation)
        except OSError as error:
            self._refused(explain_refusal(error), now)
            return None
        self.patience.started()
        if child is not None:
            self._sockets.leave_to(listeners)
            self._forget()
        return child

    def _refused(self, why: str, now: float) -> None:
        """The system has not started a worker: the others serve on, and it is tried again."""
        text = self.patience.refused(why, now)
        if not self._generations.proven:
            self.workers.kill_all()
            raise StartError(f"a worker could not be started: {why}", 1)
        _log.error("%s", text)
        self.around.progress(text)

    def _forget(self) -> None:
        """In a new worker: let go of what is the supervisor's."""
        self._generations.only_read()
        if self._reloader is not None:
            self._reloader.abandon()
        self._inlet.close()
        self.loop.close()
