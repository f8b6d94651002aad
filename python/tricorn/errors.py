"""The error tree: every mistake a user can make, with the exit code it ends the process with; and
what an application meets when its time is up."""

from __future__ import annotations

import errno
import resource


class TricornError(Exception):
    """Base of all errors Tricorn raises on purpose; its text is meant for the user.

    ``exit_code`` is what the command ends with when the error reaches it.
    """

    exit_code = 1


class ConfigError(TricornError):
    """One or more settings are wrong; ``str()`` lists every one with its origin."""

    exit_code = 2


class AppError(TricornError):
    """The application could not be loaded, or is not an application."""

    exit_code = 1


class LifespanError(TricornError):
    """The application's lifespan start-up failed."""

    exit_code = 3


class WarmUpError(LifespanError):
    """The application did not answer a warm-up request well."""


class BindError(TricornError):
    """An address could not be bound."""

    exit_code = 1


class ControlError(TricornError):
    """No running server could be asked, or it did not answer."""

    exit_code = 3


def scarcity(error: BaseException | None) -> str:
    """What the user should know if descriptors have run out; nothing if it is another error.

    Whoever met that may have failed in its own way then, or told it as text alone.
    """
    while error is not None:
        known = isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)
        if known or f"os error {errno.EMFILE}" in str(error):
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            return f"Too many open files: the limit of {limit} is too small (ulimit -n)"
        error = error.__cause__ or error.__context__
    return ""


class RequestTimeout(BaseException):
    """Raised in a WSGI application whose request takes longer than ``--request-timeout``.

    Not an Exception, as asyncio.CancelledError is none: ``except Exception`` around a step that may
    fail, in a framework or in a loop that tries again, must not take it for such a failure.
    ``finally`` and ``with`` work as ever. Who catches it should end soon; whatever is answered
    within a second is sent.
    """

    def __str__(self) -> str:
        return "the request took longer than --request-timeout"
