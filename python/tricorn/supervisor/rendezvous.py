"""Where a running server and its commands meet: the directories of control sockets, their names.

Nobody but the owner may be able to put a socket of that name there, or a command would talk to a
stranger. So a directory counts only if it is ours and nobody else may write to it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

PATTERN = "tricorn-*.sock"
"""The name of every control socket, as a glob."""

_NAME = re.compile(r"tricorn-([0-9]{1,10})\.sock")


def socket_name(pid: int) -> str:
    """The name of the control socket of the supervisor with this process id."""
    return f"tricorn-{pid}.sock"


def socket_pid(path: Path) -> int | None:
    """The supervisor's process id from the name of its control socket."""
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found else None


def directories(environ: Mapping[str, str]) -> list[Path]:
    """Where control sockets are kept, the first that can be used being taken.

    The service's own (``RuntimeDirectory=`` of systemd), the session's, the system's, and /tmp.
    """
    found: list[Path] = []
    if service := environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]:
        found.append(Path(service))
    if session := environ.get("XDG_RUNTIME_DIR"):
        found.append(Path(session, "tricorn"))
    found += [Path("/run/tricorn"), Path(f"/tmp/tricorn-{os.geteuid()}")]
    return [directory for directory in found if directory.is_absolute()]


def usable(candidates: list[Path]) -> Iterator[Path]:
    """Those of the directories that are, or can be made, ours alone to write to."""
    for directory in candidates:
        try:
            if _make(directory):
                yield directory
        except OSError:
            continue


def _make(directory: Path) -> bool:
    if not directory.exists():
        directory.mkdir(mode=0o700)
    return is_private(directory)


def is_private(directory: Path) -> bool:
    """Whether it is a directory, no link to one, of ours, that nobody else may write to."""
    try:
        found = directory.lstat()
    except OSError:
        return False
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not others_write
