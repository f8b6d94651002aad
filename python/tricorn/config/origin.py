"""Where a value came from and what a source gave: the words between sources and resolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from tricorn.config.setting import Setting


class Rank(IntEnum):
    """Whose word counts more; a higher rank wins."""

    DEFAULT = 0
    FILE = 1
    ENVIRONMENT = 2
    COMMAND_LINE = 3


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was given.

    ``describe`` gives the text when it is asked for, because finding the line of a key in a
    file costs more than most starts need.
    """

    rank: Rank
    describe: Callable[[], str]

    def __str__(self) -> str:
        return self.describe()


@dataclass(frozen=True, slots=True)
class Given:
    """A value for a setting as a source gave it, not yet converted."""

    setting: Setting
    raw: object
    origin: Origin


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing a user got wrong, and where."""

    origin: str
    text: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.text}" if self.origin else self.text


DEFAULT = Origin(Rank.DEFAULT, lambda: "default")
