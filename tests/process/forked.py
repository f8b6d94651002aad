"""Workers forked onto one listening socket and one scoreboard, without a supervisor.

Whenever something in a slot changes, all slots go to stdout as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, NoReturn

from tests.process import forked_asgi, forked_wsgi
from tricorn._core import AsgiCore, Scoreboard, WsgiCore
from tricorn.config import Config
from tricorn.net.listen import open_listeners
from tricorn.net.listener import Listener
from tricorn.worker.asgi import AsgiHooks
from tricorn.worker.hooks import Hooks
from tricorn.worker.place import Place

LOOK = 0.002
"""Seconds between two looks at the slots."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What each worker needs."""

    board: Scoreboard
    listener: Listener
    config: Config

    @property
    def name(self) -> tuple[str, int]:
        """(host, port) of the socket."""
        host, port = self.listener.sock.getsockname()
        return host, port


def main(interface: str, workers: int, threads: int) -> None:
    """Fork the workers and show their slots until SIGTERM."""
    settings = json.loads(os.environ["SETTINGS"])
    config = Config.make(port=0, threads=threads, keep_alive="60s", access_log="off", **settings)
    (listener,) = open_listeners(config.listen)
    plan = Plan(Scoreboard(workers), listener, config)
    alive, parent = os.pipe()
    pids = [fork(interface, plan, number, (alive, parent)) for number in range(workers)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        watch(plan, workers)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def watch(plan: Plan, workers: int) -> None:
    """Write down what changes, and the address once all workers serve."""
    slots = [plan.board.slot(number) for number in range(workers)]
    before, announced = None, False
    while True:
        now = [{**slot.read(), "held": slot.requests()} for slot in slots]
        if now != before:
            print(json.dumps(now), flush=True)
        if not announced and all(slot["accepting"] and slot["beat"] for slot in now):
            print(f"serving on {plan.listener.display}", file=sys.stderr, flush=True)
            announced = True
        before = now
        time.sleep(LOOK)


def fork(interface: str, plan: Plan, number: int, pipe: tuple[int, int]) -> int:
    """Start a worker, which ends when the parent does."""
    pid = os.fork()
    if pid:
        return pid
    alive, parent = pipe
    os.close(parent)
    threading.Thread(target=end_with_parent, args=(alive,), daemon=True).start()
    try:
        if interface == "asgi":
            asyncio.run(serve_asgi(plan, number))
        else:
            serve_wsgi(plan, number)
    finally:
        os._exit(1)


def end_with_parent(alive: int) -> NoReturn:
    """Wait for the parent's end of the pipe to close."""
    os.read(alive, 1)
    os._exit(1)


async def serve_asgi(plan: Plan, number: int) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    app: Any = forked_asgi.app(number)
    core = AsgiCore(app, loop, plan.config, AsgiHooks(lambda: None), extensions={})
    take_place(core, plan, number)
    core.listen(plan.listener.sock.fileno(), plan.name, True)
    loop.add_reader(core.fileno(), core.poll)
    plan.board.slot(number).beat()
    await asyncio.Event().wait()


def serve_wsgi(plan: Plan, number: int) -> None:
    """Serve until killed."""
    threads = plan.config.process.threads
    core = WsgiCore(forked_wsgi.app(number), plan.config, Hooks(lambda: None), threads)
    take_place(core, plan, number)
    host, port = plan.name
    core.listen(plan.listener.sock.fileno(), (host, str(port)), True)
    running = [threading.Thread(target=core.run, daemon=True) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def take_place(core: AsgiCore | WsgiCore, plan: Plan, number: int) -> None:
    """Count in the slot, and measure there if MEASURED is set."""
    Place(plan.board, number, measured=bool(os.environ["MEASURED"])).take(core)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
