"""What a worker and its supervisor tell each other, over a pipe and a pair of sockets.

The worker: one JSON object for each step of its life. The supervisor: orders of one byte, some with
descriptors.
"""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

_LONGEST_LINE = 600
"""Letters of a line that are passed on, each at most 6 bytes of JSON; PIPE_BUF is 4096."""
_MOST = 1 << 20  # a line longer than this is not ours


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker answers requests.

    ``name`` is APP as it was found, ``interface`` asgi, asgi2 or wsgi, ``detail`` how it runs.
    ``failure`` is why the application can't be served: every answer says so then.
    """

    name: str
    interface: str
    detail: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker could not start; it will end with ``exit_code``. ``text`` is for the user."""

    exit_code: int
    text: str


@dataclass(frozen=True, slots=True)
class Logged:
    """A line of the worker's error log."""

    line: str


Message = Ready | Failed | Logged
_KINDS: dict[str, type[Message]] = {"ready": Ready, "failed": Failed, "logged": Logged}
_NAMES = {kind: name for name, kind in _KINDS.items()}


class Outbox:
    """The worker's end of its pipe. The methods never raise: a supervisor may be gone."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def ready(self, name: str, interface: str, detail: str, failure: str = "") -> None:
        """Say that requests are being answered."""
        self._send(Ready(name, interface, detail, failure))

    def failed(self, exit_code: int, text: str) -> None:
        """Say why the worker will not start."""
        self._send(Failed(exit_code, text[: _MOST // 8]))

    def logged(self, text: str) -> None:
        """Pass on a message of the error log, as much as there is room for: it never waits."""
        for line in text.splitlines():
            if not _has_room(self._fd):
                return
            with suppress(OSError):
                os.write(self._fd, _encode(Logged(line[:_LONGEST_LINE])))

    def _send(self, message: Message) -> None:
        line = _encode(message)
        try:
            while line:
                line = line[os.write(self._fd, line) :]
        except OSError:
            return


def _encode(message: Message) -> bytes:
    fields = {"kind": _NAMES[type(message)], **asdict(message)}
    return json.dumps(fields, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


def _has_room(pipe: int) -> bool:
    """Whether PIPE_BUF bytes, 4 KiB, can be written without waiting (pipe(7))."""
    poll = select.poll()
    poll.register(pipe, select.POLLOUT)
    return any(events & select.POLLOUT for _, events in poll.poll(0))


class Post:
    """The supervisor's ends of what joins it with one worker."""

    def __init__(self, inbox: int, orders: int) -> None:
        os.set_blocking(inbox, False)
        os.set_blocking(orders, False)  # a worker that hangs may not read them
        self._inbox = inbox
        self._orders = orders
        self._partial = b""

    def fileno(self) -> int:
        """The descriptor that is readable when something was said, or the worker has ended."""
        return self._inbox

    def read(self) -> tuple[list[Message], bool]:
        """The messages that have come whole, and whether the pipe has ended."""
        try:
            data = os.read(self._inbox, 1 << 16)
        except BlockingIOError:
            return [], False
        except OSError:
            data = b""
        *lines, self._partial = (self._partial + data).split(b"\n")
        messages = [message for line in lines if (message := _parse(line))]
        return messages, not data or len(self._partial) > _MOST

    def retire(self) -> None:
        """Order the worker to finish what it has, and to leave its clients to others."""
        with suppress(OSError):  # it may have gone
            os.write(self._orders, b"r")

    def reopen(self, files: Sequence[int]) -> None:
        """Hand the log files on, which were opened anew (unix(7), SCM_RIGHTS)."""
        with suppress(OSError), socket.socket(fileno=os.dup(self._orders)) as sock:
            socket.send_fds(sock, [b"l"], files)

    def tell_tasks(self) -> None:
        """Order the worker to write where its tasks are, if it has an event loop."""
        with suppress(OSError):
            os.write(self._orders, b"s")

    def close(self) -> None:
        """Let go of both."""
        os.close(self._inbox)
        os.close(self._orders)


def _parse(line: bytes) -> Message | None:
    """A message; None for what no worker of ours says: an application may have found the pipe."""
    try:
        fields: dict[str, Any] = json.loads(line)
        return _KINDS[fields.pop("kind")](**fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
