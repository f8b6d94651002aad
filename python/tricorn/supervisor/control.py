"""The control socket: takes requests of the owner's commands and sends the supervisor's answers.

A connection carries one request, a line of JSON with its ``command`` and options, and then one or
more answers, each a line of JSON: ``{"text": …}`` while it goes on, and at the end
``{"done": true, "exit": CODE, "data": {…}}``, after which it is closed.

                 a line              finish, all sent
    reading ───────────────► answering ───────────────► closed
       │  too long, too slow,   │   takes nothing for a while,
       └──► gone: closed        └─► or too much waits: closed

It never blocks, so it can live in the supervisor's loop: all its sockets are below one selector,
and the loop watches that one descriptor (``fileno``), calling ``poll`` when it is readable or
``wait()`` seconds have passed. Whoever connects must be the same user, or root.
"""

from __future__ import annotations

import json
import logging
import os
import select
import selectors
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from tricorn.config.address import UnixAddress
from tricorn.config.serving import Listen
from tricorn.errors import BindError
from tricorn.net.listener import Listener
from tricorn.net.unix import listen_unix, remove_stale
from tricorn.supervisor.rendezvous import PATTERN, directories, socket_name, usable

_log = logging.getLogger("tricorn.supervisor")

_LONGEST_REQUEST = 64 * 1024
_MOST_UNSENT = 8 * 1024 * 1024
"""Bytes of answers that wait for a client; the stacks of many threads are far less."""
_MOST_CLIENTS = 32
_TIME_TO_ASK = 5.0
_TIME_TO_TAKE = 10.0
_REST = 1.0
"""Seconds until the next try when accepting has failed, as it does without free descriptors."""


@dataclass(slots=True)
class Request:
    """One request of a command: answer it now or later, always with ``finish`` or ``fail``.

    ``options`` is what came with the command. The client may have gone; then answers go nowhere.
    """

    command: str
    options: Mapping[str, Any]
    _send: Callable[[dict[str, Any], bool], bool] = field(repr=False)
    finished: bool = False

    def progress(self, text: str) -> bool:
        """Tell how far it is; the command shows it at once. Whether the client is still there."""
        return not self.finished and self._send({"text": text}, False)

    def finish(self, exit_code: int = 0, data: Mapping[str, Any] | None = None) -> None:
        """Answer at last: what the command ends with, and what it shows. Counts only once."""
        if not self.finished:
            self.finished = True
            self._send({"done": True, "exit": exit_code, "data": dict(data or {})}, True)

    def fail(self, reason: str, exit_code: int = 1) -> None:
        """Answer that it could not be done, and why."""
        self.finish(exit_code, {"error": reason})


Handler: TypeAlias = Callable[[Request], None]
"""Takes a request; it may answer at once, or keep it and answer later."""


@dataclass(slots=True, eq=False)
class _Client:
    """One connection; ``deadline`` is when it is closed if nothing moves (time.monotonic)."""

    sock: socket.socket
    deadline: float | None
    incoming: bytearray = field(default_factory=bytearray)
    outgoing: bytearray = field(default_factory=bytearray)
    request: Request | None = None
    complete: bool = False


class ControlServer:
    """The control socket of this server; close it at the end, or its file stays.

    In a forked child it is closed already, with the file left to the parent.
    """

    def __init__(self, listener: Listener, instance: Mapping[str, Any], handler: Handler) -> None:
        self._listener = listener
        self._instance = instance
        self._handler = handler
        self._clients: set[_Client] = set()
        self._accepts_at: float | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener.sock, selectors.EVENT_READ)
        os.register_at_fork(after_in_child=self._abandon)

    @classmethod
    def open(
        cls, setting: str, instance: Mapping[str, Any], handler: Handler
    ) -> ControlServer | None:
        """Open it where ``--control-socket`` says: ``auto``, ``off`` or a path.

        ``instance`` tells this server from others: its ``pid``, ``app`` and ``directory``. None
        when it is off, or ``auto`` and no directory will have it. Raises BindError for a path
        that cannot be had, above all one that another server listens on.
        """
        if setting == "off":
            return None
        if setting != "auto":
            try:
                return cls(_listen(Path(setting)), instance, handler)
            except BindError as error:
                raise BindError(f"--control-socket: {error}") from None
        for directory in usable(directories(os.environ)):
            with suppress(BindError, OSError):
                remove_stale(directory, PATTERN)
                listener = _listen(directory / socket_name(os.getpid()))
                return cls(listener, instance, handler)
        return None

    @property
    def path(self) -> str:
        """The path of the socket."""
        return str(self._listener.path)

    def fileno(self) -> int:
        """What the supervisor's loop watches for reading."""
        return self._selector.fileno()

    def wait(self) -> float | None:
        """Seconds until ``poll`` is due though nothing is readable; None for never."""
        times = [client.deadline for client in self._clients if client.deadline is not None]
        if self._accepts_at is not None:
            times.append(self._accepts_at)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def poll(self) -> None:
        """Do what can be done without waiting: accept, read, hand on requests, send, expire."""
        for key, events in self._selector.select(0):
            client: _Client | None = key.data
            if client is None:
                self._accept()
            elif events & selectors.EVENT_WRITE:
                self._flush(client)
            else:
                self._read(client)
        self._expire(time.monotonic())

    def close(self) -> None:
        """Answer what is open, close everything and remove the socket file."""
        for client in list(self._clients):
            if client.request is not None:
                client.request.fail("the server has stopped")
            self._drop(client)
        self._selector.close()
        self._listener.close()

    def _abandon(self) -> None:
        self._selector.close()
        self._listener.sock.close()
        self._listener.path = None
        for client in self._clients:
            client.sock.close()
        self._clients.clear()

    # ---- connections

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.sock.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:  # above all EMFILE, which would wake us without end
            self._selector.unregister(self._listener.sock)
            self._accepts_at = time.monotonic() + _REST
            return
        sock.setblocking(False)
        if len(self._clients) >= _MOST_CLIENTS:
            self._drop_gone()
        client = _Client(sock, time.monotonic() + _TIME_TO_ASK)
        self._clients.add(client)
        self._selector.register(sock, selectors.EVENT_READ, client)
        if reason := self._refusal(sock):
            self._take(client, b"null", reason)

    def _drop_gone(self) -> None:
        """Make room: of whoever waits for an answer it is not seen that they have left."""
        for client in [one for one in self._clients if one.request is not None]:
            poll = select.poll()
            poll.register(client.sock, 0)  # for POLLHUP, which always counts
            if poll.poll(0):
                self._drop(client)

    def _refusal(self, sock: socket.socket) -> str:
        if len(self._clients) > _MOST_CLIENTS:
            return "too many commands at once; try again"
        uid = _peer_uid(sock)
        if uid is not None and uid not in (os.geteuid(), 0):
            return f"user {uid} may not control a server of user {os.geteuid()}"
        return ""

    def _read(self, client: _Client) -> None:
        try:
            data = client.sock.recv(_LONGEST_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        client.incoming += data
        line, ended, _ = client.incoming.partition(b"\n")
        if ended and len(line) <= _LONGEST_REQUEST:
            self._take(client, bytes(line))
        elif not data:
            self._drop(client)
        elif len(client.incoming) > _LONGEST_REQUEST:
            self._take(client, b"null", f"a request has at most {_LONGEST_REQUEST} bytes")

    def _take(self, client: _Client, line: bytes, refusal: str = "") -> None:
        """The request is whole: nothing more is read, answers are sent from now on."""
        self._selector.unregister(client.sock)
        client.deadline = None
        client.incoming.clear()
        command, options = _parse(line)

        def send(answer: dict[str, Any], last: bool) -> bool:
            self._send(client, answer, last)
            return client in self._clients

        client.request = Request(command, options, send)
        if refusal or not command:
            client.request.fail(refusal or "a request is a JSON object with a command")
        elif command == "instance":
            client.request.finish(0, self._instance)
        else:
            self._handle(client.request)

    def _handle(self, request: Request) -> None:
        try:
            self._handler(request)
        except Exception:
            # What a command asks for must never bring the server down.
            _log.exception("the control command %s failed", request.command)
            request.fail("it failed; the error log has the traceback")

    def _send(self, client: _Client, answer: dict[str, Any], last: bool) -> None:
        if client not in self._clients:
            return
        client.outgoing += json.dumps(answer, default=str).encode() + b"\n"
        client.complete = last
        if len(client.outgoing) > _MOST_UNSENT:
            self._drop(client)
        else:
            self._flush(client)

    def _flush(self, client: _Client) -> None:
        try:
            sent = client.sock.send(client.outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:
            return self._drop(client)
        del client.outgoing[:sent]
        if not client.outgoing and client.complete:
            return self._drop(client)
        return self._watch(client, sent > 0)

    def _watch(self, client: _Client, moved: bool) -> None:
        """Wait for room if bytes are left; the time for it runs from when some last went."""
        watched = client.sock in self._selector.get_map()
        if not client.outgoing:
            client.deadline = None
            if watched:
                self._selector.unregister(client.sock)
            return
        if moved or client.deadline is None:
            client.deadline = time.monotonic() + _TIME_TO_TAKE
        if not watched:
            self._selector.register(client.sock, selectors.EVENT_WRITE, client)

    def _expire(self, now: float) -> None:
        for client in list(self._clients):
            if client.deadline is not None and client.deadline <= now:
                self._drop(client)
        if self._accepts_at is not None and self._accepts_at <= now:
            self._accepts_at = None
            self._selector.register(self._listener.sock, selectors.EVENT_READ)

    def _drop(self, client: _Client) -> None:
        if client not in self._clients:
            return
        self._clients.remove(client)
        if client.sock in self._selector.get_map():
            self._selector.unregister(client.sock)
        # A child forked by C code may have a copy; the client is to see the end all the same.
        with suppress(OSError):
            client.sock.shutdown(socket.SHUT_RDWR)
        client.sock.close()


def _listen(path: Path) -> Listener:
    listener = listen_unix(UnixAddress(str(path)), Listen(uds_mode=0o600, backlog=_MOST_CLIENTS))
    listener.sock.setblocking(False)
    listener.sock.set_inheritable(False)
    return listener


def _peer_uid(sock: socket.socket) -> int | None:
    """Who is at the other end (SO_PEERCRED, unix(7)); None where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    layout = struct.Struct("iII")  # struct ucred: pid, uid, gid
    _, uid, _ = layout.unpack(sock.getsockopt(socket.SOL_SOCKET, option, layout.size))
    return int(uid)


def _parse(line: bytes) -> tuple[str, dict[str, Any]]:
    """The command and its options; an empty command for what is no request."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return "", {}
    if not isinstance(request, dict):
        return "", {}
    command = request.pop("command", None)
    return (command, request) if isinstance(command, str) else ("", {})
