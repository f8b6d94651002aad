"""Serve a WSGI application on threads of its own, beside the one that waits for signals."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from typing import Any

from tricorn._core import WsgiCore
from tricorn.config import Config
from tricorn.net.listener import Listener, port_of
from tricorn.worker.access import finish_access, open_access
from tricorn.worker.cut_off import AT_ONCE, TIME_IS_UP, tell_cut_off
from tricorn.worker.descriptor import end_mute
from tricorn.worker.forked import abandon_in_child
from tricorn.worker.hooks import Hooks
from tricorn.worker.overdue_wsgi import WsgiWatch, watch_wsgi
from tricorn.worker.place import Place
from tricorn.worker.warmup import warm_up_wsgi

_log = logging.getLogger("tricorn.app")


class WsgiService:
    """One application, its core and its threads. ``start`` and ``stop`` block; any thread."""

    def __init__(self, app: Any, config: Config, place: Place | None = None) -> None:
        self._app = app
        self._config = config
        self._place = place or Place.alone()
        self._hurries = False
        self._idle = threading.Event()
        self._core: WsgiCore | None = None
        self._threads: list[threading.Thread] = []
        self._watch: WsgiWatch | None = None

    def start(self, listeners: Sequence[Listener]) -> None:
        """Start the threads and accept connections."""
        count = self._config.process.threads
        if self._config.rollout.warmup_path:
            core = WsgiCore(self._app, self._config, Hooks(lambda: None), 1)
            warm_up_wsgi(core, _server_of(listeners[0]), self._config)
        core = WsgiCore(self._app, self._config, Hooks(self._idle.set), count)
        self._place.take(core)
        for listener in listeners:
            server = _server_of(listener)
            if listener.redirects:
                core.redirect(listener.sock.fileno(), listener.begin(), port_of(listeners))
            else:
                core.listen(listener.sock.fileno(), server, bool(server[1]), listener.begin())
        open_access(core, self._config.logs)
        self._core = core
        abandon_in_child(core)
        for number in range(1, count + 1):
            # Daemons: a call that never returns must not keep the process from ending.
            thread = threading.Thread(
                target=_run, args=(core,), name=f"tricorn-wsgi-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        self._watch = watch_wsgi(core, self._config.process, self._place)

    def announce_stop(self) -> None:
        """Answer that the server is not ready any more; everything is served on."""
        if self._core is not None:
            self._core.announce_stop()

    def stop(self, listeners: Sequence[Listener], patient: bool = False) -> None:
        """Stop listening, finish what is in flight within the graceful timeout.

        If ``patient``, idle connections are not closed before they were told with a response.
        """
        if self._core is None:
            return
        for listener in listeners:
            listener.close()
        self._core.drain(patient=patient)
        # A thread can't be cancelled: after the timeout its connection is closed under it.
        if not self._idle.wait(self._config.process.graceful_timeout) or self._hurries:
            tell_cut_off(self._place, AT_ONCE if self._hurries else TIME_IS_UP)
        if self._watch is not None:
            self._watch.stop()
        self._core.stop()
        _, running = self._core.pending()
        if not running:
            for thread in self._threads:
                thread.join()
        finish_access(self._core)

    def hurry(self) -> None:
        """Wait no longer for the requests in flight. May be called from a signal handler."""
        self._hurries = True
        self._idle.set()

    def reopen_logs(self) -> None:
        """Open the access log anew."""
        if self._core is not None:
            open_access(self._core, self._config.logs)

    def stats(self) -> dict[str, int]:
        """Counters of the core, as `WsgiCore.stats` of the native module names them."""
        return {} if self._core is None else self._core.stats()


def _run(core: WsgiCore) -> None:
    """The life of one thread."""
    try:
        core.run()
    except OSError:
        _log.exception("the reactor has failed")
        end_mute()


def _server_of(listener: Listener) -> tuple[str, str]:
    """SERVER_NAME and SERVER_PORT; a unix socket has no port."""
    name = listener.sock.getsockname()
    return (str(name[0]), str(name[1])) if isinstance(name, tuple) else (os.fsdecode(name), "")
