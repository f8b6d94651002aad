"""What ``tricorn status`` and the other commands get from a supervisor."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any

from tricorn.supervisor.fleet import State, Worker
from tricorn.supervisor.memory import pss

if TYPE_CHECKING:
    from tricorn.supervisor.control import Request
    from tricorn.supervisor.supervisor import Supervisor

_TIME_TO_SCALE = 60.0
"""Seconds that ``tricorn scale`` waits for the workers, unless ``--boot-timeout`` says how many."""


class Commands:
    """Answers the requests of the control socket."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._begun = time.monotonic()
        self._scales: list[Request] = []

    def take(self, request: Request) -> None:
        """Answer now, or have it answered later."""
        commands = {
            "status": self._status,
            "reload": self._reload,
            "scale": self._scale,
            "stacks": self._stacks,
            "stop": self._stop,
            "logs": self._supervisor.around.messages.answer,
        }
        refusal = self._supervisor.ending.refusal
        if request.command in ("reload", "scale") and refusal:
            request.fail(refusal)
        elif request.command in commands:
            commands[request.command](request)
        else:
            request.fail(f"{request.command} is not a command of this server")

    def attend(self) -> None:
        """The loop turns: whoever waits for a number of workers hears when they answer."""
        wanted, fleet = self._supervisor.wanted, self._supervisor.fleet
        if not self._scales or len(fleet.staying()) > wanted:
            return
        if fleet.is_up(self._supervisor.generation, wanted):
            for request in self._scales:
                request.finish(data={"wanted": wanted})
            self._scales = []

    def _status(self, request: Request) -> None:
        supervisor = self._supervisor
        workers = sorted(supervisor.fleet.workers.values(), key=lambda one: one.number)
        request.finish(
            data={
                "app": supervisor.config.app.target,
                "pid": os.getpid(),
                "uptime": time.monotonic() - self._begun,
                "state": supervisor.ending.state,
                "addresses": supervisor.addresses(),
                "generation": supervisor.generation,
                "wanted": supervisor.wanted,
                "last_reload": supervisor.outcome.last,
                "hindrance": supervisor.patience.hindrance,
                "workers": [self._row(worker) for worker in workers],
            }
        )

    def _row(self, worker: Worker) -> dict[str, Any]:
        seen = self._supervisor.health.read(worker)
        return {
            "pid": worker.pid,
            "generation": worker.generation,
            "state": worker.state.name.lower(),
            "age": time.monotonic() - worker.born,
            "pss": pss(worker.pid),
            **{
                name: seen[name]
                for name in ("connections", "in_flight", "requests", "errors", "shed")
            },
        }

    def _reload(self, request: Request) -> None:
        self._supervisor.around.wait_for_reload(request)
        self._supervisor.reload()

    def _scale(self, request: Request) -> None:
        asked, now = request.options.get("workers"), self._supervisor.wanted
        wanted = asked
        if isinstance(asked, str) and re.fullmatch("[+-][0-9]{1,9}", asked):
            wanted = now + int(asked)
        if not isinstance(wanted, int):
            request.fail("scale takes a number of workers, or +N or -N")
        elif wanted < 1:
            request.fail(f"{now} workers are wanted now, and the least is 1")
        else:
            self._supervisor.scale(wanted)
            self._wait_for_scale(request, wanted)

    def _wait_for_scale(self, request: Request, asked: int) -> None:
        supervisor = self._supervisor
        if asked != supervisor.wanted:
            limit = "most" if asked > supervisor.wanted else "least"
            request.progress(f"{supervisor.wanted} workers are the {limit}")
        seconds = supervisor.config.process.boot_timeout or _TIME_TO_SCALE
        self._scales.append(request)
        supervisor.loop.later(seconds, lambda: self._give_up(request, seconds))

    def _give_up(self, request: Request, seconds: float) -> None:
        if request in self._scales:
            self._scales.remove(request)
            supervisor = self._supervisor
            ready = sum(one.state is State.READY for one in supervisor.fleet.staying())
            request.fail(
                f"{ready} of {supervisor.wanted} workers answer after {seconds:g} s; "
                "the server goes on trying"
            )

    def _stop(self, request: Request) -> None:
        self._supervisor.around.wait_for_stop(request)
        self._supervisor.stop("tricorn stop")

    def _stacks(self, request: Request) -> None:
        wanted = request.options.get("pid")
        workers = [
            worker
            for worker in self._supervisor.fleet.workers.values()
            if worker.state is not State.BOOTING and wanted in (None, worker.pid)
        ]
        if not workers:
            request.fail("there is no such worker" if wanted else "there are no workers")
            return
        health = self._supervisor.health
        delay = max(health.ask_for_stacks(worker) for worker in workers)

        def answer() -> None:
            texts = {f"worker {worker.pid}": health.stacks_of(worker) for worker in workers}
            request.finish(data=texts)

        self._supervisor.loop.later(delay, answer)
