"""--reload in the supervisor: hears of changed files, and says what has changed."""

from __future__ import annotations

import logging

from tricorn.config import Config
from tricorn.supervisor.watch import Watcher

_log = logging.getLogger("tricorn.supervisor")

_SHOWN = 3
"""Files that are named in the log."""


class Reloader:
    """The watcher of one server; it is started before any worker, so that no change is missed."""

    def __init__(self, config: Config) -> None:
        self._watcher = Watcher.start(config.development, config.app.app_dir)

    def fileno(self) -> int:
        """The descriptor that is readable when files have changed."""
        return self._watcher.fileno()

    def has_changes(self) -> bool:
        """Whether files have changed, and say which. Raises TricornError when nobody watches."""
        changes = self._watcher.read()
        if changes:
            names = ", ".join(change.path for change in changes[:_SHOWN])
            more = f" and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
            _log.info("changed: %s%s; the application is loaded anew", names, more)
        return bool(changes)

    def stop(self) -> None:
        """End the watcher."""
        self._watcher.stop()

    def abandon(self) -> None:
        """In a forked child: let go of it."""
        self._watcher.abandon()


def reloader_of(config: Config) -> Reloader | None:
    """What --reload asks for. Raises ConfigError."""
    return Reloader(config) if config.development.reload else None
