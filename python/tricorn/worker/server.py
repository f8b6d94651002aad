"""The server of one process: start, serve until told to stop, end well."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Never, Protocol

from tricorn.config import Config
from tricorn.net.listen import close_listeners, open_listeners
from tricorn.net.listener import Listener, close_in_children, with_scheme
from tricorn.net.renewal import Renewals
from tricorn.worker.calls import ForeignNames, check_alone, check_arguments
from tricorn.worker.interface import detect
from tricorn.worker.place import Place

if TYPE_CHECKING:
    from tricorn.worker.wsgi import WsgiService

_log = logging.getLogger("tricorn.app")


class Service(Protocol):
    """What serves an application of one interface."""

    async def start(self, listeners: list[Listener]) -> None:
        """Start up and accept connections."""

    def announce_stop(self) -> None:
        """Not ready any more, for whoever asks; everything is served on."""

    async def stop(self, listeners: list[Listener], patient: bool) -> None:
        """Drain, shut down, release everything."""

    def hurry(self) -> None:
        """Cancel what is in flight."""

    def reopen_logs(self) -> None:
        """Open the access log anew."""

    def awaiting(self) -> str:
        """Where the task of each request in flight is; nothing if there are no tasks."""

    def stats(self) -> dict[str, int]:
        """Counters since the start."""


class Server(ForeignNames):
    """Serves ``app`` as ``config`` says (the defaults without one).

    ``interface`` is ``asgi``, ``asgi2`` or ``wsgi``; without it, the object is looked at.
    ``listeners`` are open already and taken as they are; ``place`` is one on a scoreboard.

    In a running event loop: ``await server.serve()`` serves until ``server.shutdown()``; or, in a
    test suite, ``async with Server(app, Config.make(port=0)) as addresses`` serves inside the
    block and gives the addresses, as ``["http://127.0.0.1:49152"]``. Without a loop around,
    ``tricorn.run()`` serves.

    Raises TypeError for other arguments, AppError for what is no application, and ConfigError for
    a call of ``Config.make()`` that asks for workers.
    """

    def __init__(
        self,
        app: Any,
        config: Config | None = None,
        interface: str | None = None,
        *,
        listeners: Sequence[Listener] = (),
        place: Place | None = None,
        **settings: Never,
    ):
        check_arguments(app, config, settings)
        self.config = config or Config.make()
        if place is None:
            check_alone(self.config)
        self.interface = interface or detect(app, self.config.app.interface, "the object")
        self.addresses: list[str] = []
        self._app = app
        self._listeners: list[Listener] = list(listeners)
        self._place = place
        self._service: Service | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked = False
        self._patient = False
        self._stop: asyncio.Future[None] | None = None
        # A supervisor has waited before it tells its workers to stop.
        self._delay = self.config.process.drain_delay if place is None else 0.0
        self._no_delay = asyncio.Event()
        self._stop_renewals: Callable[[], None] = lambda: None
        self._started = False
        self._used = False

    @property
    def started(self) -> bool:
        """Whether requests are being answered."""
        return self._started

    def shutdown(self, *, delay: bool = True) -> None:
        """Make ``serve()`` end well: from any thread, while it starts, and before it has begun.

        A server that has not begun to serve will return from ``serve()`` at once. One that serves
        goes on for ``--drain-delay`` before it ends, unless ``delay`` is false.
        """
        if not delay:
            self._delay = 0.0
        # serve() writes and reads these two the other way round, so one of us sees the other.
        self._stop_asked = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end)

    def retire(self) -> None:
        """End, but let idle connections have one more response: others serve these addresses."""
        self._patient = True
        self.shutdown()

    def hurry(self) -> None:
        """End soon: what is in flight is cancelled. Only in the event loop."""
        self.shutdown(delay=False)
        if self._service is not None:
            self._service.hurry()

    def reopen_logs(self) -> None:
        """Open the access log anew, after it was rotated. Only in the event loop."""
        if self._service is not None:
            self._service.reopen_logs()

    def awaiting(self) -> str:
        """What the task of each request in flight waits for, for people to read.

        For each request a line, then the frames from its outermost coroutine to its innermost
        await. Only in the event loop; nothing for WSGI.
        """
        return "" if self._service is None else self._service.awaiting()

    def _end(self) -> None:
        if self._stop is not None and not self._stop.done():
            self._stop.set_result(None)
        if not self._delay:
            self._no_delay.set()

    def stats(self) -> dict[str, int]:
        """Counters since the start, and of now: ``connections`` (open) and ``in_flight``.

        Those since the start are ``accepted`` (connections), ``requests``, ``errors`` (responses
        with a status of 500 or above), ``rejected`` (requests refused for what they are) and
        ``shed`` (those turned away because of ``--max-in-flight``).
        """
        return {} if self._service is None else self._service.stats()

    async def serve(self, on_ready: Callable[[Server], None] | None = None) -> None:
        """Serve until ``shutdown()``, which also breaks off a start-up. A server serves once.

        ``on_ready`` is called when requests are being answered. Raises BindError, LifespanError,
        and RuntimeError for a server that serves, or has served.
        """
        self._use()
        self._loop = asyncio.get_running_loop()
        self._stop = stop = self._loop.create_future()
        if self._stop_asked:
            return
        starting = self._loop.create_task(self._start())
        stop.add_done_callback(lambda _: starting.cancel())
        try:
            await starting
            if on_ready is not None:
                on_ready(self)
            await stop
            await self._delay_drain()
        except asyncio.CancelledError:
            if self._started or not self._stop_asked:
                raise
        finally:
            if self._started:
                await self.__aexit__(None, None, None)

    async def _delay_drain(self) -> None:
        """Serve on for ``--drain-delay``, so that a load balancer sees that the end is near."""
        if self._delay and self._service is not None:
            self._service.announce_stop()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._no_delay.wait(), self._delay)

    async def __aenter__(self) -> list[str]:
        self._use()
        return await self._start()

    def _use(self) -> None:
        if self._used:
            raise RuntimeError("a Server serves once: make another Server(app, config)")
        self._used = True

    async def _start(self) -> list[str]:
        if not self._listeners:
            self._listeners = open_listeners(self.config.listen)
            close_in_children(self._listeners)
        try:
            self._service = self._make_service()
            await self._service.start(self._listeners)
        except BaseException:
            close_listeners(self._listeners)
            raise
        displays = (listener.display for listener in self._listeners)
        self.addresses = with_scheme(displays, self.config.tls.scheme)
        self._started = True
        if self._place is None:  # else a supervisor does
            later = asyncio.get_running_loop().call_later
            self._stop_renewals = Renewals(_log).keep(self.config, later)
        return self.addresses

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._started = False
        self._stop_renewals()
        if self._service is not None:
            await self._service.stop(self._listeners, self._patient)

    def _make_service(self) -> Service:
        if self.interface == "wsgi":
            from tricorn.worker.wsgi import WsgiService

            return _Threaded(WsgiService(self._app, self.config, self._place))
        from tricorn.worker.asgi import AsgiService

        app = _as_asgi3(self._app) if self.interface == "asgi2" else self._app
        return AsgiService(app, self.config, self._place)


def _as_asgi3(app: Any) -> Any:
    """An ASGI 2 double callable as ASGI 3."""

    async def single(scope: Any, receive: Any, send: Any) -> None:
        await app(scope)(receive, send)

    return single


class _Threaded:
    """A WSGI service as seen from an event loop, which must not wait while it drains."""

    def __init__(self, service: WsgiService) -> None:
        self._service = service
        self.stats = service.stats
        self.announce_stop = service.announce_stop
        self.hurry = service.hurry
        self.reopen_logs = service.reopen_logs

    def awaiting(self) -> str:
        return ""

    async def start(self, listeners: list[Listener]) -> None:
        self._service.start(listeners)

    async def stop(self, listeners: list[Listener], patient: bool) -> None:
        await asyncio.to_thread(self._service.stop, listeners, patient)
