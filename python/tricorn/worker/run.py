"""Serve in this process, without an event loop around, until a signal says stop.

asyncio is imported for ASGI only: a WSGI application starts a fifth sooner without it.
"""

from __future__ import annotations

import errno
import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from tricorn.errors import TricornError
from tricorn.logs.banner import at_most, stopping, stopping_later
from tricorn.net.listen import close_listeners, open_listeners
from tricorn.net.listener import close_in_children, with_scheme
from tricorn.net.renewal import Renewals
from tricorn.worker.descriptor import end_mute
from tricorn.worker.ending import close_runner, tell, tell_at_exit
from tricorn.worker.forked import end_if_child
from tricorn.worker.other_signals import heard, obey
from tricorn.worker.signals import Waker, stop_signals

if TYPE_CHECKING:
    import asyncio

    from tricorn.config import Config
    from tricorn.worker.loader import Loaded

_log = logging.getLogger("tricorn.app")

_LOOP_STOPPED = "Event loop stopped before Future completed."
"""What asyncio and uvloop say then, in a RuntimeError like any other."""
_STOPPED_BY_APP = "the application stopped the event loop (loop.stop())"

Announce = Callable[[Sequence[str], str], None]
"""Called once, when requests are answered: with the addresses and how the application runs."""


class Counted(Protocol):
    """What counts its requests."""

    def stats(self) -> dict[str, int]:
        """Counters by name; nothing before it serves."""


def run(loaded: Loaded, config: Config, announce: Announce) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP. Raises BindError, LifespanError and ConfigError."""
    if loaded.interface == "wsgi":
        _run_wsgi(loaded, config, announce)
    else:
        _run_asgi(loaded, config, announce)
    tell_at_exit()


def _run_wsgi(loaded: Loaded, config: Config, announce: Announce) -> None:
    from tricorn.worker.wsgi import WsgiService

    listeners = open_listeners(config.listen)
    close_in_children(listeners)
    service = WsgiService(loaded.app, config)
    waker = Waker()

    def obey_soon(number: int) -> None:
        waker.soon(partial(obey, number, config.logs, service))

    try:
        with waker, stop_signals(waker.wake), heard(obey_soon):
            service.start(listeners)
            detail = threads_text(config.process.threads)
            displays = (listener.display for listener in listeners)
            announce(with_scheme(displays, config.tls.scheme), detail)
            Renewals(_log).keep(config, waker.later)
            number = waker.wait()
            if number != signal.SIGINT and (delay := config.process.drain_delay):
                tell(stopping_later(signal.Signals(number).name, delay))
                service.announce_stop()
                time.sleep(delay)
            _say_stopping(number, service, config)
            service.stop(listeners)
    finally:
        close_listeners(listeners)


def _run_asgi(loaded: Loaded, config: Config, announce: Announce) -> None:
    from tricorn.worker.server import Server

    server = Server(loaded.app, config, loaded.interface)
    with event_loop(config.asgi.loop) as loop:

        def say(number: int) -> None:
            say_now = partial(_say_stopping, number, server, config)
            delay = config.process.drain_delay
            if delay and number != signal.SIGINT and server.started:
                tell(stopping_later(signal.Signals(number).name, delay))
                loop.call_later(delay, say_now)
            else:
                say_now()

        def stop(number: int) -> None:
            # Not here: a handler may have interrupted another message.
            loop.call_soon_threadsafe(say, number)
            server.shutdown(delay=number != signal.SIGINT)

        def obey_soon(number: int) -> None:
            loop.call_soon_threadsafe(obey, number, config.logs, server)

        with stop_signals(stop), heard(obey_soon):
            serving = server.serve(lambda server: announce(server.addresses, loop_name(loop)))
            complete(loop, loop.create_task(serving), server.shutdown)


def _say_stopping(number: int, counted: Counted, config: Config) -> None:
    in_flight = counted.stats().get("in_flight", 0)
    fate = at_most(config.process.graceful_timeout)
    cause = signal.Signals(number).name
    tell(stopping(cause, in_flight, fate, number == signal.SIGINT))


def threads_text(count: int) -> str:
    """How a WSGI application runs, for the banner."""
    return f"{count} thread{'s' if count > 1 else ''}"


def loop_name(loop: asyncio.AbstractEventLoop) -> str:
    """How an ASGI application runs, for the banner: the loop's package."""
    return type(loop).__module__.partition(".")[0]


def complete(
    loop: asyncio.AbstractEventLoop, serving: asyncio.Task[None], shutdown: Callable[[], object]
) -> None:
    """Run the loop until ``serving`` is done, whatever the application raises through it.

    asyncio lets SystemExit and KeyboardInterrupt of any task out of the loop; from a request's
    task they must cost that request and no other. If the application stops the loop, this begins
    the ``shutdown`` and goes on; raises TricornError at the end then.
    """
    is_stopped = False
    while True:
        try:
            loop.run_until_complete(serving)
            break
        except RuntimeError as error:
            if serving.done() or str(error) != _LOOP_STOPPED:
                raise
            if not is_stopped:
                _log.error("%s: the server stops", _STOPPED_BY_APP)
                is_stopped = True
                shutdown()
        except (SystemExit, KeyboardInterrupt) as error:
            end_if_child(error)
            if serving.done():
                raise
            _log.error("the application raised %r: the request failed", error)
        except OSError as error:
            if error.errno == errno.EBADF:
                end_mute()
            raise
    if is_stopped:
        raise TricornError(_STOPPED_BY_APP)


@contextmanager
def event_loop(name: str) -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop of ``--loop``; at the end, what the application has left in it is ended."""
    import asyncio

    runner = asyncio.Runner(loop_factory=_loop_factory(name))
    try:
        yield runner.get_loop()
    finally:
        close_runner(runner)


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the event loop of ``--loop``; None for asyncio's own. Raises ConfigError."""
    if name == "asyncio":
        return None
    try:
        import uvloop
    except ImportError:
        if name == "uvloop":
            from tricorn.errors import ConfigError

            raise ConfigError(
                "--loop uvloop: uvloop is not installed; pip install uvloop, or --loop auto"
            ) from None
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
