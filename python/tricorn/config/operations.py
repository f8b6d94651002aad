"""The section about operations: pid file, daemon, who the workers are, names, control socket."""

from __future__ import annotations

from dataclasses import dataclass

from tricorn.config.address import parse_address
from tricorn.config.kinds import Mode
from tricorn.config.setting import setting


def _check_path(text: str) -> None:
    if not text or "\0" in text:
        raise ValueError("is not a path")


def _check_name(text: str) -> None:
    if not text.isprintable() or not text.strip():
        raise ValueError("is not a name; write one or more letters that can be printed")


def _check_control_socket(text: str) -> None:
    if text not in ("auto", "off"):
        parse_address(f"unix:{text}")


def _check_pid_file(name: str) -> None:
    _check_path(name)
    if name.isdigit():
        raise ValueError(f"would be a pid file of this name; for the port write --port {name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """Operations: how the server fits into the system that runs it."""

    pidfile: str | None = setting(
        None,
        flag="--pid",
        short="-p",
        metavar="FILE",
        check=_check_pid_file,
        help="File that holds the supervisor's process id while it runs.",
        gunicorn="pidfile",
    )
    daemon: bool = setting(
        False,
        short="-D",
        help="Go to the background once requests are served. Needs --error-log FILE.",
        gunicorn="daemon",
    )
    user: str | None = setting(
        None,
        needs="worker processes",
        short="-u",
        metavar="USER",
        check=_check_name,
        help="User that workers run as, by name or number. Needs root.",
        gunicorn="user",
    )
    group: str | None = setting(
        None,
        needs="worker processes",
        short="-g",
        metavar="GROUP",
        check=_check_name,
        help="Group that workers run as, by name or number. Without it, that of --user. "
        "Needs root.",
        gunicorn="group",
    )
    umask: Mode | None = setting(
        None,
        needs="worker processes",
        short="-m",
        help="Permissions that new files do not get, in octal. Without it, as it is at the start.",
        gunicorn="umask",
    )
    proc_name: str = setting(
        "tricorn",
        needs="worker processes",
        short="-n",
        metavar="NAME",
        check=_check_name,
        help="First word of the processes' titles in ps and top.",
        gunicorn="proc_name",
    )
    control_socket: str = setting(
        "auto",
        needs="worker processes",
        metavar="auto|off|PATH",
        check=_check_control_socket,
        negated="off",
        help="Unix socket that tricorn status, reload and the others use. "
        "With auto, one in a runtime directory, if there is one to be had.",
        gunicorn="control_socket",
    )
