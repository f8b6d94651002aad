"""The error tree: every mistake a user can make, with the exit code it ends the process with."""

from __future__ import annotations


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
