"""Go to the background, and let the first process end with what became of the server.

    first process ── fork ──► middle ── setsid, fork ──► daemon
         │                      └─ ends at once             │
         └──────── reads a pipe ◄─── "ready" or the reason ─┘

Others write a daemon's success before they know it. Here whoever starts the server learns whether
it serves: by the exit code, and by the message, which goes to the first process's stderr.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any

from tricorn.config.serving import Logs
from tricorn.errors import ConfigError, TricornError
from tricorn.logs.streams import flush_streams, say

_TERMINAL = {"stdout", "stderr", "-"}


def check_daemon(logs: Logs) -> None:
    """Refuse ``--daemon`` with logs that would go to a terminal nobody sees any more.

    Raises ConfigError.
    """
    if logs.log_config is None and logs.error_log in _TERMINAL:
        raise ConfigError(
            f"--daemon: the error log goes to {logs.error_log}, which a daemon does not have. "
            "Give a file with --error-log."
        )
    if logs.access_log in _TERMINAL:
        raise ConfigError(
            f"--daemon: the access log goes to {logs.access_log}, which a daemon does not have. "
            "Give a file with --access-log, or turn it off."
        )


class Daemon:
    """The daemon's side: ``with daemonize() as daemon: …; daemon.ready(text)``.

    What leaves the block before ``ready`` is the reason the first process gives. In a forked child
    all of it does nothing: that the daemon has ended must show, whatever its workers do.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        os.register_at_fork(after_in_child=self._close)

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, TricornError):
            self._report(error.exit_code, f"tricorn: {error}")
        elif error is not None and not isinstance(error, SystemExit):
            self._report(1, f"tricorn: an error of its own\n{_traceback(error)}")
        self._close()

    def ready(self, text: str) -> None:
        """Requests are served: the first process shows ``text`` and ends with 0."""
        self._report(0, text)
        self._close()

    def _close(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _report(self, code: int, text: str) -> None:
        if self._pipe >= 0:
            # The first process may have been interrupted; the server goes on.
            with suppress(BrokenPipeError):
                _write(self._pipe, json.dumps({"exit": code, "text": text}).encode() + b"\n")


def _traceback(error: BaseException) -> str:
    # The interpreter's own goes to a stderr that leads nowhere.
    import traceback  # not needed by a start that goes well

    return "".join(traceback.format_exception(error)).rstrip("\n")


def daemonize() -> Daemon:
    """Continue in a daemon: another session, no terminal, stdin, stdout and stderr to /dev/null.

    Returns in the daemon only; the first process ends, by SystemExit, with what it reports. Call it
    while there is one thread, and before anything is opened that is not to be shared.
    """
    flush_streams()
    reading, writing = os.pipe()
    middle = os.fork()
    if middle != 0:
        os.close(writing)
        raise SystemExit(_await(middle, reading))
    os.close(reading)
    os.setsid()
    # Its parent leads the session; the daemon does not, so no terminal it opens becomes its own.
    if os.fork() != 0:
        os._exit(0)
    _leave_terminal()
    return Daemon(writing)


def _leave_terminal() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    if nowhere > 2:
        os.close(nowhere)


def _await(middle: int, reading: int) -> int:
    """What the daemon reports: shows the text and returns the exit code."""
    os.waitpid(middle, 0)
    with os.fdopen(reading, "rb") as pipe:
        message = pipe.readline()  # not to its end, which is later
    report: dict[str, Any] = {
        "exit": 1,
        "text": "tricorn: ended before it served; see its error log",
    }
    with suppress(ValueError):
        report = json.loads(message)
    say(report["text"])
    return int(report["exit"])


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
