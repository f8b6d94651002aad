"""``tricorn APP`` and ``tricorn.run()``: serve an application until the server is told to stop.

The one place that knows both the supervisor and the workers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Never

from tricorn.cli.mistyped import check_word
from tricorn.cli.settings import read_settings
from tricorn.errors import ConfigError, TricornError
from tricorn.logs.banner import Banner
from tricorn.logs.streams import open_streams, say
from tricorn.worker.signals import take_early

if TYPE_CHECKING:
    from tricorn.config import Config
    from tricorn.net.listener import Listener
    from tricorn.supervisor.messages import Ready
    from tricorn.worker.loader import Loaded

_SUMMARY = """Serve a WSGI or ASGI application.

APP is module:attribute, module:factory() or a module alone, as main:app. "tricorn check APP" shows
each setting with its origin and whether the application can be loaded.
"""


def main(arguments: list[str]) -> int:
    """Serve in this process, or in workers under it; returns the exit code."""
    config = read_settings("tricorn", _SUMMARY, arguments)
    check_word(arguments, config)
    take_early()

    # Only now, so that --help and a wrong setting do not wait for them.
    from tricorn.logs.access_log import settle_access_log

    config = settle_access_log(config)

    if config.is_supervised:
        with _in_background(config) as tell:
            _open_log(config)
            read = lambda: settle_access_log(read_settings("tricorn", _SUMMARY, arguments))  # noqa: E731
            return _supervise(config, read, tell=tell)
    from tricorn.worker.ending import LastWord
    from tricorn.worker.loader import load
    from tricorn.worker.other_signals import take_others

    _open_log(config)
    last_word = LastWord()
    take_others()
    _serve(config, lambda: load(config.app))
    last_word.is_due = True
    return 0


def _open_log(config: Config) -> None:
    """Open the error log, and say what is set in vain."""
    import logging

    from tricorn.logs.error_log import configure

    configure(config.logs)
    for text in config.overlooked:
        logging.getLogger("tricorn.config").warning("%s", text)


def _announce(banner: Banner, config: Config, tell: Callable[[str], None]) -> None:
    """Say what the server serves: in the error log, and to whoever does not see that there."""
    import logging

    from tricorn.logs.error_log import tells_on_stderr

    level = logging.ERROR if banner.failure else logging.INFO
    logging.getLogger("tricorn.life").log(level, "%s", banner.message())
    if tell is not say or not tells_on_stderr(config.logs):
        tell(banner.text())


@contextmanager
def _in_background(config: Config) -> Iterator[Callable[[str], None]]:
    """With ``--daemon``, the block runs in one; gives what tells that the server serves."""
    if not config.operations.daemon:
        yield say
        return
    from tricorn.supervisor.daemon import check_daemon, daemonize

    check_daemon(config.logs)
    with daemonize() as daemon:
        yield daemon.ready


def run(app: Any, *others: Never, **settings: object) -> None:
    """Serve an application in this process until SIGINT, SIGTERM or SIGHUP, as the command does.

    ``app`` is the application itself, or text as the command takes it: ``"main:app"``. Keywords
    are settings by their flag's name: ``run(app, port=8000, keep_alive="15s")``. Neither files nor
    the environment are read. In a thread that is not the main one, signals are left alone. With
    ``daemon``, this process ends with SystemExit once a daemon serves; the call returns there.

    Raises ConfigError that lists every wrong keyword, and if an event loop runs here. What fails
    later is told on stderr and ends the process as the command does, with SystemExit: 1 when the
    application cannot be loaded or an address not be bound, 3 when the application's start-up
    fails.
    """
    from tricorn.config import Config
    from tricorn.config.idle import tell_idle
    from tricorn.config.keywords import told_in_keywords
    from tricorn.logs.access_log import settle_access_log
    from tricorn.worker import ending
    from tricorn.worker.other_signals import take_others

    if others:
        raise TypeError("settings are keywords: write run(app, port=8000)")
    if isinstance(app, str):
        settings["app"] = app

    def read() -> Config:
        with told_in_keywords():
            return settle_access_log(tell_idle(Config.make(**settings)))

    open_streams()
    config = read()
    _check_call(app, config)
    try:
        if not config.is_supervised:
            _open_log(config)
            give_back = take_others()
            try:
                _serve(config, lambda: _loaded(app, config))
            finally:
                give_back()
            ending.tell("stopped")
            return
        loaded = None if isinstance(app, str) else _loaded(app, config)
        with _in_background(config) as tell:
            _open_log(config)
            code = _supervise(config, read, loaded, tell)
        if code:
            raise SystemExit(code)
    except ConfigError:
        raise
    except TricornError as error:
        say(f"tricorn: {error}")
        raise SystemExit(error.exit_code) from None


def _check_call(app: Any, config: Config) -> None:
    """Refuse what cannot work. Raises ConfigError."""
    if config.development.reload and not isinstance(app, str):
        raise ConfigError(
            "argument reload: an application that is given as an object cannot be loaded anew; "
            'give it as text, as run("module:attribute", reload=True)'
        )
    if "asyncio" not in sys.modules:
        return
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise ConfigError(
        "tricorn.run() serves in a loop of its own, and there is one running here. "
        "In it, write: await tricorn.Server(app, tricorn.Config.make(...)).serve()"
    )


def _supervise(
    config: Config,
    read: Callable[[], Config],
    loaded: Loaded | None = None,
    tell: Callable[[str], None] = say,
) -> int:
    """Run workers; ``read`` gives the configuration anew when it is reloaded."""
    begun = time.monotonic()
    from tricorn.supervisor.setup import Link, Setup
    from tricorn.supervisor.supervisor import Supervisor

    def work(config: Config, listeners: Sequence[Listener], link: Link) -> int:
        from tricorn.worker.place import Place
        from tricorn.worker.process import WorkerProcess

        workers = config.process.workers
        follows_load = workers is not None and workers.is_range
        place = Place(link.scoreboard, link.number, measured=follows_load)
        return WorkerProcess(
            config=config,
            listeners=listeners,
            outbox=link.outbox,
            orders=link.orders,
            tasks=link.tasks,
            show=link.show,
            place=place,
            loaded=loaded,
        ).run()

    def preload() -> None:
        nonlocal loaded
        if loaded is None:
            loaded = _loaded(str(config.app.target), config)

    def announce(ready: Ready, addresses: Sequence[str], count: int) -> None:
        workers = f"{count} worker{'s' if count > 1 else ''}, {ready.detail}"
        seconds = time.monotonic() - begun
        name, interface, failure = ready.name, ready.interface, ready.failure
        banner = Banner(name, interface, addresses, workers, seconds, failure)
        _announce(banner, config, tell)

    outcome = Supervisor(Setup(read, work, preload, announce), config).run()
    return outcome() if callable(outcome) else outcome


def _loaded(app: Any, config: Config) -> Loaded:
    from tricorn.worker.interface import detect
    from tricorn.worker.loader import Loaded, load

    if isinstance(app, str):
        return load(config.app)
    name = getattr(app, "__qualname__", type(app).__qualname__)
    return Loaded(app, detect(app, config.app.interface, name), name)


def _serve(config: Config, load: Callable[[], Loaded]) -> None:
    from tricorn.worker.run import run

    begun = time.monotonic()
    loaded = load()

    def announce(addresses: Sequence[str], detail: str) -> None:
        seconds = time.monotonic() - begun
        banner = Banner(loaded.name, loaded.interface, addresses, detail, seconds)
        _announce(banner, config, say)

    run(loaded, config, announce)
