"""A listening socket with its address for people, and its clean end."""

from __future__ import annotations

import os
import socket
import stat
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tricorn.errors import BindError

_REDIRECTS = " (redirects)"


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Which file stands at a path: device and inode, as stat(2) gives them."""

    device: int
    inode: int

    @classmethod
    def of(cls, path: str) -> FileIdentity | None:
        """The identity of the socket file at ``path``, or None when there is none."""
        try:
            found = os.lstat(path)
        except OSError:
            return None
        return cls(found.st_dev, found.st_ino) if stat.S_ISSOCK(found.st_mode) else None


@dataclass(slots=True)
class Listener:
    """One listening socket.

    ``path`` and ``identity`` are those of the socket file that we made, else None: a socket
    that was handed to us (``fd://N``) leaves its file to whoever made it. ``backlog`` is given for
    one worker's own socket (`tricorn.net.seat`), 0 for one that all share. One that
    ``redirects`` only sends its clients to HTTPS on the others.
    """

    sock: socket.socket
    path: str | None = None
    identity: FileIdentity | None = field(default=None, repr=False)
    backlog: int = 0
    redirects: bool = False

    @property
    def display(self) -> str:
        """The address for people, as ``http://127.0.0.1:8000`` or ``unix:/run/app.sock``."""
        return display(self.sock) + (_REDIRECTS if self.redirects else "")

    def begin(self) -> bool:
        """Have connections come, now that they are accepted; whether they come to us alone.

        Raises BindError.
        """
        if self.backlog:
            try:
                self.sock.listen(self.backlog)
            except OSError as error:
                raise BindError(f"cannot listen on {self.display}: {error.strerror}") from None
        return bool(self.backlog)

    def close(self) -> None:
        """Stop listening and remove our socket file, if it is still ours. May be called twice."""
        if self.path is not None and FileIdentity.of(self.path) == self.identity:
            # The file goes first: a client that comes now gets a clean "no such file".
            Path(self.path).unlink(missing_ok=True)
        self.path = None
        self.sock.close()


def close_in_children(listeners: Iterable[Listener]) -> None:
    """A child that is forked from now on has no copies: else the addresses would stay in use."""
    references = [weakref.ref(listener.sock) for listener in listeners]

    def close() -> None:
        for reference in references:
            if (sock := reference()) is not None:
                sock.close()

    os.register_at_fork(after_in_child=close)


def with_scheme(addresses: Iterable[str], scheme: str) -> list[str]:
    """Displayed addresses with ``https`` instead of ``http``; unix sockets have neither."""
    return [
        text if text.endswith(_REDIRECTS) else text.replace("http://", f"{scheme}://", 1)
        for text in addresses
    ]


def port_of(listeners: Iterable[Listener]) -> int:
    """The port that those who redirect send to: the first of the others; 443 if they have none."""
    for listener in listeners:
        name = listener.sock.getsockname()
        if isinstance(name, tuple) and not listener.redirects:
            return int(name[1])
    return 443


def display(sock: socket.socket) -> str:
    """The address a socket is bound to, for people and for test kits."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix:{os.fsdecode(name)}"
    host, port = name[:2]
    return f"http://[{host}]:{port}" if sock.family == socket.AF_INET6 else f"http://{host}:{port}"
