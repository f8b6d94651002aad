"""Listen on a unix socket: its mode and owner, and what to do with a file that is already there.

Two servers that start on one path at the same moment must not remove each other's file between
bind and listen, when nobody answers on it yet. Each therefore holds a lock on the directory from
looking at the old file until its own socket listens.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tricorn.config.address import UnixAddress
from tricorn.config.kinds import is_number
from tricorn.config.serving import Listen
from tricorn.errors import BindError
from tricorn.net.holder import unix_holder
from tricorn.net.listener import FileIdentity, Listener

_LONGEST_LOCK = 2.0
"""Seconds to wait for another server to finish with the directory; it needs far less than one."""


def listen_unix(address: UnixAddress, settings: Listen) -> Listener:
    """Listen on a path, with the configured mode and owner.

    A socket file that nobody listens on is removed first; any other file is left alone and an
    error. Raises BindError.
    """
    path = Path(address.path)
    listener = Listener(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    try:
        owner = _owner_ids(settings.uds_owner)
        with _locked(path.parent):
            _clear(path)
            _bind(listener, path, settings.uds_mode)
            if owner is not None:
                os.chown(path, *owner)
            listener.sock.listen(settings.backlog)
    except OSError as error:
        listener.close()
        raise BindError(f"cannot listen on {address}: {_explain(path, error)}") from None
    except BindError as error:
        listener.close()
        raise BindError(f"cannot listen on {address}: {error}") from None
    return listener


def remove_stale(directory: Path, pattern: str) -> None:
    """Remove the socket files in ``directory`` that match and that nobody listens on any more.

    ``pattern`` is a glob of file names. Raises OSError.
    """
    with _locked(directory):
        for path in directory.glob(pattern):
            if path.is_socket() and not _answers(path):
                path.unlink(missing_ok=True)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        yield  # a directory that may be written to but not read: no lock, a small risk
        return
    try:
        _lock(fd)
        yield
    finally:
        os.close(fd)


def _lock(fd: int) -> None:
    # Anybody who can read the directory can lock it, so nobody may keep us from starting.
    deadline = time.monotonic() + _LONGEST_LOCK
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(0.01)
    return None


def _clear(path: Path) -> None:
    """Make room at ``path``; raises BindError where that would take it from somebody."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise BindError("there is a file that is not a socket. Remove it, or give another path.")
    if _answers(path):
        raise BindError(
            f"the socket is in use by {unix_holder(path) or 'another process'}. "
            "Stop it, or give another path."
        )
    path.unlink()


def _answers(path: Path) -> bool:
    """Whether somebody listens. Every answer but "refused" counts: in doubt the file stays."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(str(path)) not in (errno.ECONNREFUSED, errno.ENOENT)


def _bind(listener: Listener, path: Path, mode: int | None) -> None:
    if mode is not None:
        # On Linux the file takes the socket's own mode less the umask: never wider than wanted,
        # not even for a moment. Elsewhere the call fails and the umask alone decides until chmod.
        with suppress(OSError):
            os.fchmod(listener.sock.fileno(), mode)
    listener.sock.bind(str(path))
    # Absolute, so that the file is found again should the application change directory.
    listener.path = str(path.absolute())
    listener.identity = FileIdentity.of(listener.path)
    if mode is not None:
        path.chmod(mode)


def _owner_ids(text: str | None) -> tuple[int, int] | None:
    """The user and group number of ``user[:group]``; a group of -1 leaves it as it is."""
    if text is None:
        return None
    import grp
    import pwd

    user, _, group = text.partition(":")
    try:
        uid = int(user) if is_number(user) else pwd.getpwnam(user).pw_uid
        gid = -1 if not group else int(group) if is_number(group) else grp.getgrnam(group).gr_gid
    except KeyError:
        raise BindError(f'--uds-owner "{text}" is no user, or no user and group, here') from None
    return uid, gid


def _explain(path: Path, error: OSError) -> str:
    directory = path.parent
    match error.errno:
        case errno.ENOENT:
            return f"the directory {directory} does not exist. Make it, or give another path."
        case errno.ENOTDIR:
            return f"{directory} is not a directory"
        case errno.EACCES | errno.EPERM:
            return f"no permission ({error.strerror}) for {error.filename or directory}"
        case _:
            return str(error.strerror)
