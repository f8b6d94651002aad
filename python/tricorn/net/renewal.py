"""Certificates that change while the server runs: new ones are shown, old ones warned about."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable

from tricorn.config import Config
from tricorn.config.certificates import WrongFileError, paths, renew
from tricorn.config.chains import DAY, lifetime_warnings

Picture = tuple[tuple[int, ...] | None, ...]
"""What stat(2) says of each file; None for one that can't be looked at."""


class Renewals:
    """Looks at the files of ``--tls-cert`` and the like, and replaces what they held.

    They are read when they have changed and then stayed the same for one look: a certificate and
    its key are seldom written at once. What is wrong is told, and the old ones are kept.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._config: Config | None = None
        self._due = 0.0
        self._warn_at = 0.0
        self._held: Picture = ()
        """Of what is shown, or of what could not be."""
        self._seen: Picture = ()
        """Of the last look."""

    def keep(
        self, config: Config, later: Callable[[float, Callable[[], None]], object]
    ) -> Callable[[], None]:
        """Look from now on, by ``later(seconds, call)``, until the function returned is called."""
        stopped = False

        def look() -> None:
            if not stopped:
                self.look(config)
                if (seconds := self.wait()) is not None:
                    later(seconds, look)

        def stop() -> None:
            nonlocal stopped
            stopped = True

        look()
        return stop

    def wait(self) -> float | None:
        """After how many seconds to look; None if there is nothing to look at."""
        if self._config is None or self._config.tls_context is None:
            return None
        return max(0.0, min(self._due, self._warn_at) - time.monotonic())

    def look(self, config: Config) -> None:
        """Look if it is time; first at the files of a configuration that has just been loaded."""
        if self._config is None or config.tls_context is not self._config.tls_context:
            self._config = config
            self._held = self._seen = _picture(config)
            self._due = time.monotonic() + _interval(config)
            self._warn_at = 0.0
        elif time.monotonic() >= self._due:
            self._compare(config, _picture(config))
            self._due = time.monotonic() + _interval(config)
        if time.monotonic() >= self._warn_at:
            self._warn(config)
            self._warn_at = time.monotonic() + DAY

    def _warn(self, config: Config) -> None:
        """Say which certificates end soon, today as on any day."""
        for chain in config.tls_context.chains() if config.tls_context else ():
            for text in lifetime_warnings(chain, time.time()):
                self._log.warning("%s", text)

    def _compare(self, config: Config, now: Picture) -> None:
        if now not in (self._held, ()) and now == self._seen:
            self._held = now
            self._renew(config)
        self._seen = now

    def _renew(self, config: Config) -> None:
        assert config.tls_context is not None
        try:
            renew(config.tls_context, config.tls, config.origins)
        except (WrongFileError, OSError) as error:
            self._log.error("the certificates were not replaced, the old ones are kept: %s", error)
            return
        self._warn_at = 0.0
        self._log.info("the certificates were replaced: %s", ", ".join(config.tls.cert))


def _interval(config: Config) -> float:
    return config.tls.watch or math.inf


def _picture(config: Config) -> Picture:
    return tuple(map(_look_at, paths(config.tls)))


def _look_at(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 (a Path of it would be of no use)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
