"""What the status of an ended process means, for people."""

from __future__ import annotations

import errno
import os
import resource
import signal

from tricorn.errors import TricornError


class StartError(TricornError):
    """The first workers could not start, and no others would."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def exit_code(status: int) -> int:
    """The code a shell would show for a wait status: 128 + N for signal N."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def explain(status: int, killed_by_us: str = "") -> str:
    """A wait status in words, as ``exit code 1`` or ``signal SIGSEGV, a crash in native code``."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    if killed_by_us:
        return f"killed: {killed_by_us}"
    number = -code
    hint = _HINTS.get(_name(number), "")
    core = ", core dumped" if os.WCOREDUMP(status) else ""
    return f"signal {_name(number)}{f', {hint}' if hint else ''}{core}"


def explain_end(status: int, killed_by_us: str) -> str:
    """The same as a sentence about a worker that has not come as far as serving."""
    if killed_by_us:
        return f"a worker was killed: {killed_by_us}"
    return f"a worker ended: {explain(status)}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def explain_refusal(error: OSError) -> str:
    """Why the system has started no process, with the limit that is reached."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    hints = {
        errno.EAGAIN: "the limit of processes is reached (ulimit -u, or that of the container)",
        errno.EMFILE: f"the limit is {limit} (ulimit -n)",
    }
    hint = hints.get(error.errno or 0, "")
    return f"{error.strerror}{f': {hint}' if hint else ''}"


_HINTS = {
    "SIGKILL": "sent by someone, or by the kernel when memory ran out (see dmesg)",
    "SIGSEGV": "a crash in native code",
    "SIGBUS": "a crash in native code, or a mapped file that was cut",
    "SIGABRT": "native code gave up",
    "SIGILL": "native code for another processor",
    "SIGFPE": "a crash in native code",
    "SIGSYS": "a system call that is not allowed here",
    "SIGXCPU": "over its limit of CPU time",
}
