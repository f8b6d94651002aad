"""Who holds an address: the process behind a listening socket, as far as /proc tells."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_EVERY_ADDRESS = ("0.0.0.0", "::")
_LISTENING = "0A"  # TCP_LISTEN in net/tcp_states.h
_ACCEPTS = "00010000"  # __SO_ACCEPTCON in linux/net.h
_LONGEST_COMMAND = 80


def tcp_holder(host: str, port: int) -> str | None:
    """The process whose listening TCP socket stands in the way of ``host`` and ``port``.

    ``host`` is a numeric address. The answer reads ``process 123 (python -m http.server)``;
    None when the kernel does not tell: no /proc, or the socket is bound but does not listen.
    """
    for row in [*_table("tcp"), *_table("tcp6")]:
        # sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode
        if row[3] == _LISTENING and _conflicts(row[1], host, port):
            return _describe(inode=row[9], uid=row[7])
    return None


def _conflicts(local_address: str, host: str, port: int) -> bool:
    address, _, row_port = local_address.partition(":")
    return int(row_port, 16) == port and (
        host in _EVERY_ADDRESS or _decode(address) in (host, *_EVERY_ADDRESS)
    )


def _decode(address: str) -> str:
    """The table writes addresses as 32-bit words in the machine's byte order."""
    words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)


def unix_holder(path: Path) -> str | None:
    """The process that listens on a unix socket, in the same form."""
    for row in _table("unix", columns=8):
        # Num RefCount Protocol Flags Type St Inode Path, the path as it was given to bind(2);
        # connections have the path of their listener too.
        if row[3] == _ACCEPTS and row[7:] in ([str(path)], [str(path.absolute())]):
            return _describe(inode=row[6], uid=None)
    return None


def unix_listeners() -> list[str]:
    """The paths that unix sockets listen on, as they were given to bind(2); abstract ones as @NAME.

    Those of the whole network namespace; none where there is no /proc.
    """
    rows = _table("unix", columns=8)
    return [row[7] for row in rows if row[3] == _ACCEPTS and len(row) == 8]


def _table(name: str, columns: int = 0) -> list[list[str]]:
    with suppress(OSError):
        lines = (_PROC / "net" / name).read_text("utf-8", "surrogateescape").splitlines()
        return [line.split(None, columns - 1) for line in lines[1:]]
    return []


def _describe(inode: str, uid: str | None) -> str | None:
    for pid in _holders(inode):
        return describe_process(pid)
    # Descriptors of other users' processes cannot be read without root.
    return f"a process of user {uid}" if uid is not None else None


def describe_process(pid: str | int) -> str:
    """A process for people: ``process 123 (python -m http.server)``."""
    return f"process {pid} ({_command(str(pid))})"


def _holders(inode: str) -> Iterator[str]:
    """The processes that have the socket open, the oldest number first."""
    wanted = f"socket:[{inode}]"
    pids = sorted((entry.name for entry in _PROC.iterdir() if entry.name.isdigit()), key=int)
    for pid in pids:
        # A process may end while it is looked at, and those of other users are closed to us.
        with suppress(OSError):
            if any(_target(fd) == wanted for fd in (_PROC / pid / "fd").iterdir()):
                yield pid


def _target(fd: Path) -> str | None:
    with suppress(OSError):
        return str(fd.readlink())
    return None


def _command(pid: str) -> str:
    """Its command line, with the program and its script by their names: the rest tells more."""
    with suppress(OSError):
        raw = (_PROC / pid / "cmdline").read_bytes().rstrip(b"\0").decode("utf-8", "replace")
        words = raw.split("\0")
        words[:2] = (re.sub(r"^/\S*/(?=\S+$)", "", word) for word in words[:2])
        command = re.sub(r"[^\x20-\x7e]", "?", " ".join(words))
        if len(command) > _LONGEST_COMMAND:
            command = command[: _LONGEST_COMMAND - 3] + "..."
        return command or "command unknown"
    return "command unknown"
