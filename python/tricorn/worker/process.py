"""The life of a worker process under a supervisor: load, start up, serve, drain, exit code."""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from tricorn._core import expire_with_parent
from tricorn.config import Config
from tricorn.errors import AppError, LifespanError, TricornError, scarcity
from tricorn.net.listen import close_listeners
from tricorn.net.listener import Listener
from tricorn.worker.access import Logged, open_logs_anew
from tricorn.worker.ending import expect_kill, tell_at_exit
from tricorn.worker.loader import Loaded, load
from tricorn.worker.place import Place
from tricorn.worker.run import complete, event_loop, loop_name, threads_text
from tricorn.worker.signals import readable

if TYPE_CHECKING:
    import asyncio

_log = logging.getLogger("tricorn.worker")

_BEATS = 4
"""Beats of the event loop within the time after which it is taken for stuck."""
_SELDOM = 5.0
"""Seconds between two beats at the most."""
_SHOWN = 1.0
"""Seconds for which the title shows the same state."""
_TELL_TASKS = b"s"
"""The order to tell where tasks are."""
_TAKE_LOGS = b"l"
"""The order that comes with log files."""
_MOST_LOGS = 8
"""More descriptors than come with an order."""
_MARGIN = 5.0
"""Seconds beyond the graceful timeout after which a worker without a supervisor must be gone."""
_STOPPING = {signal.SIGTERM, signal.SIGQUIT}
"""Others are the supervisor's business: a terminal may send them to the whole group."""


class Outbox(Protocol):
    """Takes what the supervisor should know."""

    def ready(self, name: str, interface: str, detail: str, failure: str) -> None:
        """Requests are being answered."""

    def failed(self, exit_code: int, text: str) -> None:
        """The worker will not start."""

    def logged(self, text: str) -> None:
        """A message went to the error log."""


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """What a worker is given.

    ``orders`` is a socket of the supervisor's: ``s`` means to write where the tasks of the requests
    in flight are to the file ``tasks``, ``l`` brings log files that were opened anew, any other
    byte means that others take over and this worker is to retire, the end that the supervisor has
    gone. ``show`` puts a state into the title of this
    process. ``loaded`` is an application that needs no loading.
    """

    config: Config
    listeners: Sequence[Listener]
    outbox: Outbox
    orders: int
    tasks: int
    place: Place
    show: Callable[[str], None] | None = None
    loaded: Loaded | None = None

    def run(self) -> int:
        """Serve until SIGTERM (drain), SIGQUIT (cancel), an order, or the supervisor's end (drain).

        Returns the exit code.
        """
        from tricorn.logs.error_log import Relay, configure

        Relay(self.outbox.logged)
        _close_after_fork(self.listeners)
        try:
            configure(self.config.logs)
            expire_with_parent(math.ceil(self.config.process.graceful_timeout + _MARGIN))
            self._load_and_serve()
            tell_at_exit()
        except TricornError as error:
            self.outbox.failed(error.exit_code, str(error))
            return error.exit_code
        except Exception as error:
            if not (text := scarcity(error)):
                raise
            self.outbox.failed(TricornError.exit_code, text)
            return TricornError.exit_code
        return 0

    def _load_and_serve(self) -> None:
        try:
            self._serve(self.loaded or load(self.config.app))
        except (AppError, LifespanError) as error:
            if not self.config.development.reload:
                raise
            from tricorn.worker.broken import broken_app

            _log.error("%s", error)
            name = self.config.app.target or "the application"
            failure = str(error).partition("\n")[0]
            self._serve(Loaded(broken_app(error), "asgi", name, failure))

    def _serve(self, loaded: Loaded) -> None:
        # Copies: a start-up that fails closes its listeners, and another may follow.
        listeners = [replace(one, sock=one.sock.dup()) for one in self.listeners]
        _close_after_fork(listeners)
        if loaded.interface == "wsgi":
            self._serve_wsgi(loaded, listeners)
        else:
            self._serve_asgi(loaded, listeners)

    def _serve_asgi(self, loaded: Loaded, listeners: list[Listener]) -> None:
        from tricorn.worker.server import Server

        config = self.config
        server = Server(loaded.app, config, loaded.interface, listeners=listeners, place=self.place)

        def ordered(leaves: bool = False) -> None:
            retires = self._retires(server, lambda: self._tell_tasks(server.awaiting()))
            if leaves or retires is not None:
                loop.remove_reader(self.orders)
                (server.retire if retires else server.shutdown)()

        def started() -> None:
            self._keep_beating(loop)
            self._keep_showing(loop)
            self._ready(loaded, loop_name(loop))

        with event_loop(config.asgi.loop) as loop:
            loop.add_signal_handler(signal.SIGTERM, ordered, True)
            loop.add_signal_handler(signal.SIGQUIT, _quickly, server.hurry)
            loop.add_reader(self.orders, ordered)
            serving = server.serve(lambda _: started())
            complete(loop, loop.create_task(serving), server.shutdown)

    def _keep_beating(self, loop: asyncio.AbstractEventLoop) -> None:
        """Beat as long as the loop turns, if anybody listens."""
        timeout = self.config.process.timeout
        if not timeout:
            return

        def beat() -> None:
            self.place.beat()
            loop.call_later(min(timeout / _BEATS, _SELDOM), beat)

        beat()

    def _keep_showing(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.show is not None:
            self._show_state()
            loop.call_later(_SHOWN, self._keep_showing, loop)

    def _show_state(self) -> None:
        """Put what this worker does into its title."""
        if self.show is not None:
            self.show(f"serving {self.place.in_flight()}")

    def _serve_wsgi(self, loaded: Loaded, listeners: list[Listener]) -> None:
        from tricorn.worker.wsgi import WsgiService

        service = WsgiService(loaded.app, self.config, self.place)
        signals = _Signals()
        signals.take(signal.SIGTERM)
        signals.take(signal.SIGQUIT, lambda: _quickly(service.hurry))
        service.start(listeners)
        self._ready(loaded, threads_text(self.config.process.threads))
        leaves, retires = False, None
        while not leaves and retires is None:
            self._show_state()
            come = signals.wait(self.orders, _SHOWN if self.show else None)
            leaves = bool(come & _STOPPING)
            retires = self._retires(service, lambda: None)
        service.stop(listeners, patient=bool(retires))

    def _retires(self, service: Logged, tell_tasks: Callable[[], object]) -> bool | None:
        """Carry out the orders that wait: whether one is to retire, False if the supervisor has
        gone, None if it is neither.
        """
        while readable({self.orders}, 0):
            order, files = self._next_order()
            if order == _TELL_TASKS:
                tell_tasks()
                continue
            if order == _TAKE_LOGS:
                self._take_logs(service, files)
                continue
            if not order:
                _log.warning("the supervisor has gone: this worker finishes what it has and leaves")
            return bool(order)
        return None

    def _next_order(self) -> tuple[bytes, list[int]]:
        """One byte and the descriptors that came with it; no byte if the supervisor has gone."""
        with _borrowed(self.orders) as sock:
            order, files, *_ = socket.recv_fds(sock, 1, _MOST_LOGS, socket.MSG_CMSG_CLOEXEC)
        return order, files

    def _tell_tasks(self, text: str) -> None:
        """Replace what the file says: the supervisor reads it soon."""
        os.ftruncate(self.tasks, 0)
        os.pwrite(self.tasks, text.encode(errors="backslashreplace"), 0)

    def _ready(self, loaded: Loaded, detail: str) -> None:
        # None may stay open when the copies close for a stop: clients would come, and wait.
        for listener in self.listeners:
            listener.close()
        self.outbox.ready(loaded.name, loaded.interface, detail, loaded.failure)

    def _take_logs(self, service: Logged, files: list[int]) -> None:
        from tricorn.logs.files import take

        take(self.config.logs, files)
        open_logs_anew(self.config.logs, service)


def _quickly(hurry: Callable[[], object]) -> None:
    """Cancel what is in flight; the supervisor soon kills who stays."""
    expect_kill()
    hurry()


@contextmanager
def _borrowed(fd: int) -> Iterator[socket.socket]:
    """A socket of this descriptor, which stays open."""
    sock = socket.socket(fileno=fd)
    try:
        yield sock
    finally:
        sock.detach()


def _close_after_fork(listeners: Sequence[Listener]) -> None:
    """A forked child of the application must not keep sockets open that it never accepts on."""
    os.register_at_fork(after_in_child=lambda: close_listeners(listeners))


class _Signals:
    """Signals for the main thread of a WSGI worker, which has nothing else to do."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def take(self, number: signal.Signals, call: Callable[[], object] = lambda: None) -> None:
        """Take a signal, and call ``call`` at once when it comes."""

        def handler(number: int, frame: FrameType | None) -> None:
            call()

        signal.signal(number, handler)

    def wait(self, orders: int, seconds: float | None) -> set[int]:
        """The signals that have come; none when ``orders`` is readable, or after ``seconds``."""
        come = readable({self._read, orders}, seconds)
        return set(os.read(self._read, 64)) if self._read in come else set()
