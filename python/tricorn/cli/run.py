"""``tricorn APP``: serve an application until the server is told to stop."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tricorn.cli.settings import read_settings
from tricorn.logs.banner import Banner

if TYPE_CHECKING:
    from tricorn.config import Config
    from tricorn.worker.loader import Loaded

_SUMMARY = """Serve a WSGI or ASGI application.

APP is module:attribute, module:factory() or a module alone, as main:app. "tricorn check APP" shows
each setting with its origin and whether the application can be loaded.
"""


def main(arguments: list[str]) -> int:
    """Serve in this process; returns the exit code."""
    config = read_settings("tricorn", _SUMMARY, arguments)

    # Only now, so that --help and a wrong setting do not wait for them.
    from tricorn.logs.error_log import configure
    from tricorn.worker.loader import load

    configure(config.logs)
    return _run_worker(config, load(config.app))


def _run_worker(config: Config, loaded: Loaded) -> int:
    from tricorn.worker.server import Server

    def announce(server: Server) -> None:
        import asyncio

        loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
        banner = Banner(loaded.name, loaded.interface, server.addresses, loop)
        print(banner.text(), file=sys.stderr, flush=True)

    Server(loaded.app, config, loaded.interface).run(announce)
    return 0
