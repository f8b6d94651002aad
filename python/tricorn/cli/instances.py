"""Find the running servers by their control sockets, and ask one of them."""

from __future__ import annotations

import json
import math
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tricorn.cli.table import printable
from tricorn.errors import ConfigError, ControlError
from tricorn.net.holder import unix_listeners
from tricorn.supervisor.rendezvous import PATTERN, directories, is_private, socket_pid

_PATIENCE = 2.0
"""Seconds in which a server says who it is, or is passed over."""

_LONGEST_ANSWER = 1 << 24
"""Bytes of an answer; no server sends so many."""

_NOT_THERE = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)


class NoAnswerError(ControlError):
    """Somebody listens, and is silent: a server that is busy, or has been suspended."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A running server: its control socket, the supervisor's process id, APP, and where it runs."""

    path: Path
    pid: int
    app: str
    directory: str

    def answers_to(self, which: str) -> bool:
        """Whether a user who writes ``which`` may mean it: a pid, APP or directory."""
        return which in (str(self.pid), self.app) or _same(which, self.directory)


def ask(
    path: Path, request: Mapping[str, Any], patience: float | None = None
) -> Iterator[dict[str, Any]]:
    """Send a request and give each answer as it comes; the last one has ``done``.

    ``patience`` is how many seconds to wait for all; without it, until the server ends. Raises
    ControlError when nobody listens, permission is missing, or the connection ends too early, and
    NoAnswerError when the time is over.
    """
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(_PATIENCE)
            sock.connect(str(path))
            sock.settimeout(None)
            # A server that refuses answers without reading, and may have closed by now.
            with suppress(BrokenPipeError):
                sock.sendall(json.dumps(request).encode() + b"\n")
            yield from _answers(path, _lines(sock, patience))
    except _NOT_THERE:
        raise ControlError(f"no server listens on {path}") from None
    except (TimeoutError, BlockingIOError):  # the latter if it has not even accepted others
        seconds = _PATIENCE if patience is None else patience
        raise NoAnswerError(f"the server at {path} does not answer within {seconds:g} s") from None
    except OSError as error:
        raise ControlError(f"cannot talk to the server at {path}: {error.strerror}") from None


def _lines(sock: socket.socket, patience: float | None) -> Iterator[bytes]:
    """Each line that comes, and a part that is too long; TimeoutError when the time is over."""
    end = math.inf if patience is None else time.monotonic() + patience
    part = bytearray()
    while len(part) <= _LONGEST_ANSWER:
        if end < math.inf:
            sock.settimeout(max(0.001, end - time.monotonic()))
        data = sock.recv(65536)
        if not data:
            return
        if time.monotonic() > end:
            raise TimeoutError
        *whole, rest = data.split(b"\n")
        for line in whole:
            yield bytes(part + line)
            part.clear()
        part += rest
    yield bytes(part)


def _answers(path: Path, lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            answer = json.loads(line)
        except ValueError:
            raise ControlError(f"what listens on {path} is no Tricorn server") from None
        if not isinstance(answer, dict):
            raise ControlError(f"what listens on {path} is no Tricorn server")
        yield answer
        if answer.get("done"):
            return
    raise ControlError(f"the server at {path} ended before it had answered")


def choose(which: str | None, configured: str | None, *, here: bool = False) -> Path:
    """The control socket of the server that is meant.

    ``which`` is what the user says: a socket, a pid, an APP or a directory. Without it, the socket
    that the configuration names, else the only one of the current directory, else the only running
    server; not that if it must be ``here``: a mistake would cost another project its server.
    Raises ControlError when there is none, ConfigError when there are several.
    """
    if which is not None and Path(which).is_socket():
        return Path(which)
    if which is None and configured is not None:
        return Path(configured)
    found, silent = _survey()
    fit = [one for one in found if one.answers_to(which)] if which else found
    if which is None:
        of_here = [one for one in fit if _same(one.directory, ".")]
        if here and fit and not of_here:
            others = _listing(fit)
            raise ConfigError(f"no server was started here; name one with --control PID\n{others}")
        fit = of_here or fit
    if len(fit) == 1:
        return fit[0].path
    if not fit:
        meant = [why for pid, why in silent.items() if which in (None, str(pid))]
        if meant:
            raise NoAnswerError(f"{'; '.join(meant)}; it may be busy, try again")
        raise ControlError("; ".join([_nobody(which, found), *silent.values()]))
    raise ConfigError(f"several servers run; name one with --control PID\n{_listing(fit)}")


def _nobody(which: str | None, found: list[Instance]) -> str:
    hint = (
        "; only a server with worker processes has a control socket: "
        "start it with --workers 1 or more"
    )
    if which is None:
        return f"no server of yours that can be asked runs here{hint}"
    others = f". There are\n{_listing(found)}" if found else ""
    return f'--control "{which}": no server has that socket, pid, APP or directory{hint}{others}'


def _listing(instances: Iterable[Instance]) -> str:
    lines = (f"  {one.pid}  {one.app}  in {one.directory}" for one in instances)
    return "\n".join(map(printable, lines))


def _same(one: str, other: str) -> bool:
    with suppress(OSError):
        return Path(one).samefile(other)
    return False


def _survey() -> tuple[list[Instance], dict[int, str]]:
    """The servers of this user, for root of every user: those that answer, and by their process
    ids what is to be said of those that are silent."""
    named = {path: pid for path in _sockets() if (pid := socket_pid(path)) and _is_ours(path)}
    found, silent = [], {}
    for path, pid in sorted(named.items()):
        try:
            found.append(_identify(path, pid))
        except NoAnswerError as error:
            silent[pid] = str(error)
        except ControlError:
            continue
    return found, silent


def _sockets() -> Iterator[Path]:
    """Sockets in our directories, and those that /proc knows of, as of a service's directory."""
    for directory in directories(os.environ):
        if is_private(directory):
            yield from directory.glob(PATTERN)
    yield from map(Path, unix_listeners())


def _is_ours(path: Path) -> bool:
    # Nobody but its owner and root can have put it there: a name alone proves nothing.
    with suppress(OSError):
        owner = path.stat().st_uid
        return os.geteuid() in (owner, 0) and path.parent.stat().st_uid in (owner, 0)
    return False


def _identify(path: Path, pid: int) -> Instance:
    *_, answer = ask(path, {"command": "instance"}, _PATIENCE)
    data = answer.get("data", {})
    return Instance(path, pid, str(data.get("app", "?")), str(data.get("directory", "?")))
