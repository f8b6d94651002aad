"""Serve an ASGI application in the running event loop."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tricorn._core import AsgiCore
from tricorn.config import Config
from tricorn.config.application import EXTENSIONS
from tricorn.net.listener import Listener, port_of
from tricorn.worker.access import finish_access, open_access
from tricorn.worker.awaiting import awaiting
from tricorn.worker.cut_off import AT_ONCE, TIME_IS_UP, tell_cut_off
from tricorn.worker.descriptor import watch_descriptor
from tricorn.worker.forked import abandon_in_child
from tricorn.worker.hooks import Hooks, named, request_of, tell
from tricorn.worker.lifespan import Lifespan
from tricorn.worker.nesting import let_nest
from tricorn.worker.overdue_asgi import AsgiWatch, watch_asgi
from tricorn.worker.place import Place
from tricorn.worker.warmup import warm_up_asgi

_log = logging.getLogger("tricorn.app")

_CANCEL_GRACE = 1.0
"""Seconds that cancelled requests get to clean up before the connections are closed."""

_SHOWN = 100
"""Requests whose tasks are shown at the most."""


class AsgiHooks(Hooks):
    """The callbacks of a core whose application runs in tasks."""

    of_client = (*Hooks.of_client, asyncio.CancelledError)
    are_cut_off = False
    """Whether all requests are cancelled, and were told of."""

    def app_error(self, error: BaseException, scope: dict[str, Any], gone: bool) -> None:
        """The application raised, or its task was cancelled."""
        if isinstance(error, asyncio.CancelledError) and not gone:
            level = logging.DEBUG if self.are_cut_off else logging.WARNING
            tell(level, "%s was cancelled", request_of(scope))
        else:
            super().app_error(error, scope, gone)

    def raise_soon(self, error: BaseException) -> None:
        """KeyboardInterrupt or SystemExit of the application: for the loop, not for us."""

        def throw() -> NoReturn:
            raise error

        asyncio.get_running_loop().call_soon(throw)


class AsgiService:
    """One application, its lifespan and its core. All methods run in the event loop."""

    def __init__(self, app: Any, config: Config, place: Place | None = None) -> None:
        self._app = app
        self._config = config
        self._place = place or Place.alone()
        self._idle = asyncio.Event()
        self._draining = asyncio.Event()
        self._lifespan = Lifespan(app, config.asgi.lifespan, {"tricorn.shutdown": self._draining})
        self._core: AsgiCore | None = None
        self._hooks = AsgiHooks(self._idle.set)
        self._watch: AsgiWatch | None = None
        self._look: Callable[[], None] = lambda: None

    async def start(self, listeners: Sequence[Listener]) -> None:
        """Run the start-up, then accept connections; raises LifespanError and ConfigError."""
        abandon_in_child(self, asyncio.get_running_loop())  # a start-up may fork as well
        await self._lifespan.startup()
        try:
            if self._config.rollout.warmup_path:
                await warm_up_asgi(
                    self._make_core(AsgiHooks(lambda: None)), server_of(listeners[0]), self._config
                )
            self._accept(listeners)
        except BaseException:
            await self._lifespan.shutdown()
            raise

    def _accept(self, listeners: Sequence[Listener]) -> None:
        core = self._make_core(self._hooks)
        self._place.take(core)
        for listener in listeners:
            tcp = listener.path is None and isinstance(listener.sock.getsockname(), tuple)
            if listener.redirects:
                core.redirect(listener.sock.fileno(), listener.begin(), port_of(listeners))
            else:
                core.listen(listener.sock.fileno(), server_of(listener), tcp, listener.begin())
        open_access(core, self._config.logs)
        self._core = core
        loop = asyncio.get_running_loop()
        loop.add_reader(core.fileno(), core.poll)
        let_nest(loop, core.fileno())
        self._watch = watch_asgi(core, self._config.process, self._place)
        self._look = watch_descriptor(core.fileno(), loop.call_later)

    def _make_core(self, hooks: AsgiHooks) -> AsgiCore:
        return AsgiCore(
            self._app,
            asyncio.get_running_loop(),
            self._config,
            hooks,
            extensions=self._extensions(),
            state=self._lifespan.state,
        )

    def abandon(self) -> None:
        """In a forked child: let go of everything, without touching what the parent still uses."""
        if self._core is not None:
            self._core.abandon()

    def announce_stop(self) -> None:
        """Answer that the server is not ready any more; everything is served on."""
        if self._core is not None:
            self._core.announce_stop()

    async def stop(self, listeners: Sequence[Listener], patient: bool = False) -> None:
        """Stop listening, finish what is in flight within the graceful timeout, shut down.

        If ``patient``, idle connections are not closed before they were told with a response.
        """
        if self._core is not None:
            for listener in listeners:
                listener.close()
            self._draining.set()
            self._core.drain(patient=patient)
            await self._drained(self._core)
            asyncio.get_running_loop().remove_reader(self._core.fileno())
            self._core.close()
            finish_access(self._core)
        self._look()
        if self._watch is not None:
            self._watch.stop()
        await self._lifespan.shutdown()

    async def _drained(self, core: AsgiCore) -> None:
        for seconds in (self._config.process.graceful_timeout, _CANCEL_GRACE):
            try:
                async with asyncio.timeout(seconds):
                    await self._idle.wait()
                return
            except TimeoutError:
                self._cut_off(core, TIME_IS_UP)

    def _cut_off(self, core: AsgiCore, why: str) -> None:
        """Cancel the tasks of all requests."""
        if not self._hooks.are_cut_off:
            self._hooks.are_cut_off = True
            # A WebSocket, or work that goes on after a response: no request of the place.
            others = [named(scope) for _, scope, seconds in core.in_flight() if seconds is None]
            tell_cut_off(self._place, why, others)
        core.cancel()

    def hurry(self) -> None:
        """Cancel the requests in flight."""
        if self._core is not None:
            self._cut_off(self._core, AT_ONCE)

    def awaiting(self) -> str:
        """Where the task of each request is that has not ended, for the log."""
        held = [] if self._core is None else self._core.in_flight()
        times = ("its response is complete" if s is None else f"for {s:.1f} s" for _, _, s in held)
        return "\n\n".join(
            f"{named(scope)}, {time}\n{awaiting(task)}"
            for (task, scope, _), time in zip(held[:_SHOWN], times, strict=False)
        )

    def reopen_logs(self) -> None:
        """Open the access log anew."""
        if self._core is not None:
            open_access(self._core, self._config.logs)

    def stats(self) -> dict[str, int]:
        """Counters of the core, as `AsgiCore.stats` of the native module names them."""
        return {} if self._core is None else self._core.stats()

    def _extensions(self) -> dict[str, dict[str, Any]]:
        """The extensions that scopes announce."""
        return {name: {} for name in EXTENSIONS if name not in self._config.asgi.extensions_off}


def server_of(listener: Listener) -> tuple[str, int | None]:
    """``server`` of a scope: (host, port), or (path, None) for a unix socket."""
    name = listener.sock.getsockname()
    return (name[0], name[1]) if isinstance(name, tuple) else (os.fsdecode(name), None)
