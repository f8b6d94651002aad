"""Set up the error log: the ``tricorn`` loggers, their level, destination and colours."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from tricorn.config.serving import Logs
from tricorn.errors import ConfigError
from tricorn.logs.files import hold, open_log

LOGGER = "tricorn"
"""The name of the server's logger; all others of ours are below it, as ``tricorn.worker``."""

_FORMAT = "%(asctime)s [%(process)d] %(levelname)s %(message)s"
_DATES = "%Y-%m-%d %H:%M:%S %z"
_COLORS = {
    logging.DEBUG: "\x1b[2m",
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[1;31m",
}
_RESET = "\x1b[0m"


class Relay(logging.Handler):
    """Hands each of the server's messages on as well, in the form that the error log has.

    `configure` leaves it in its place. There is one in a process: a worker has not that of the
    supervisor it was forked from.
    """

    def __init__(self, take: Callable[[str], object]) -> None:
        super().__init__()
        self._take = take
        self.setFormatter(logging.Formatter(_FORMAT, _DATES))
        logger = logging.getLogger(LOGGER)
        for one in _relays(logger):
            logger.removeHandler(one)
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one on."""
        self._take(self.format(record))

    def close(self) -> None:
        """Hand on no more."""
        logging.getLogger(LOGGER).removeHandler(self)
        super().close()


def _relays(logger: logging.Logger) -> list[logging.Handler]:
    return [one for one in logger.handlers if isinstance(one, Relay)]


def configure(settings: Logs) -> None:
    """Direct the server's messages to where the settings say. May be called again.

    The application's own loggers are left alone, unless a ``log_config`` file speaks of them.
    Raises ConfigError when a file cannot be opened, or a ``log_config`` is not valid: messages
    then go where they went before.
    """
    logger = logging.getLogger(LOGGER)
    handler = None if settings.log_config is not None else _handler(settings)
    kept = _relays(logger)
    before = [one for one in logger.handlers if one not in kept]
    for one in before:
        logger.removeHandler(one)
    logger.setLevel(settings.level.upper())
    # Not to the root logger too: an application that configures it would double every line.
    logger.propagate = handler is None
    if handler is not None:
        logger.addHandler(handler)
    elif settings.log_config is not None:
        try:
            _apply_file(settings.log_config)
        except ConfigError:
            logger.handlers[:] = [*before, *kept]
            raise
    for one in before:
        one.close()


def configure_all(settings: Sequence[Logs]) -> None:
    """In a supervisor: open the files of all these settings for workers, and log by the last.

    Raises ConfigError as `configure` does.
    """
    hold(settings)
    configure(settings[-1])


def _handler(settings: Logs) -> logging.Handler:
    handler: logging.Handler
    stream = _stream(settings.error_log)
    if stream is not None:
        handler = _StreamHandler(stream)
    else:
        handler = _FileHandler(open_log("--error-log", settings.error_log))
    colors = stream is not None and use_colors(settings.color, stream)
    handler.setFormatter((_ColorFormatter if colors else logging.Formatter)(_FORMAT, _DATES))
    return handler


def _stream(name: str) -> TextIO | None:
    return {"stderr": sys.stderr, "-": sys.stderr, "stdout": sys.stdout}.get(name)


def tells_on_stderr(settings: Logs) -> bool:
    """Whether messages about the server's life are seen by whoever looks at stderr."""
    if settings.log_config is not None or settings.level not in ("debug", "info"):
        return False
    return _stream(settings.error_log) is sys.stderr


def use_colors(setting: str, stream: TextIO) -> bool:
    """Whether to colour what goes to a stream: ``auto`` asks NO_COLOR (no-color.org) and isatty."""
    if setting == "auto":
        return not os.environ.get("NO_COLOR") and stream.isatty()
    return setting == "always"


class _Calm(logging.Handler):
    """A message that can't be written is lost, and costs nothing else.

    `logging` tells of it on stderr, which the application may have closed.
    """

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        with suppress(Exception):
            super().handleError(record)


class _StreamHandler(_Calm, logging.StreamHandler[TextIO]):
    pass


class _FileHandler(_Calm):
    """Each message is one write, which is not mixed with those of other processes."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd
        self._is_cut = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record).encode(errors="backslashreplace") + b"\n"
            # What a full disk has cut must not run on in the next line.
            text = b"\n" + text if self._is_cut else text
            self._is_cut = os.write(self._fd, text) < len(text)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        super().close()


class _ColorFormatter(logging.Formatter):
    """Colours the first line by severity; a traceback below it stays plain."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        text = super().formatMessage(record)
        color = _COLORS.get(record.levelno)
        return f"{color}{text}{_RESET}" if color else text


def _apply_file(name: str) -> None:
    import logging.config  # brings socketserver and more, for the few who need it

    path = Path(name)
    try:
        match path.suffix:
            case ".json":
                import json

                logging.config.dictConfig(_keep_loggers(json.loads(path.read_text("utf-8"))))
            case ".toml":
                import tomllib

                logging.config.dictConfig(_keep_loggers(tomllib.loads(path.read_text("utf-8"))))
            case ".ini" | ".conf" | ".cfg":
                with path.open(encoding="utf-8") as file:
                    logging.config.fileConfig(file, disable_existing_loggers=False)
            case _:
                raise ValueError("its name must end in .json, .toml, .ini, .conf or .cfg")
    except OSError as error:
        raise ConfigError(f'--log-config: cannot read "{name}": {error.strerror}') from None
    except Exception as error:
        # logging.config raises whatever the named classes do; the cause tells more.
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        raise ConfigError(f'--log-config: "{name}" is not valid: {error}{cause}') from None


def _keep_loggers(config: dict[str, Any]) -> dict[str, Any]:
    # The library's own default silences every logger that exists already, ours among them.
    return {"version": 1, "disable_existing_loggers": False, **config}
