"""What the supervisor is given: how to read the configuration, what a worker runs, whom to tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tricorn.config import Config
from tricorn.net.listener import Listener
from tricorn.supervisor.messages import Outbox, Ready


@dataclass(frozen=True, slots=True)
class Link:
    """A worker's ties to its supervisor."""

    outbox: Outbox
    orders: int
    """A socket: `messages.Post` says what its bytes mean, its end that we have gone."""
    tasks: int
    """The file that the worker tells in where its tasks are."""
    scoreboard: Any
    """The `_core.Scoreboard` of all workers, and …"""
    number: int
    """… this worker's place on it."""
    show: Callable[[str], None] | None
    """Puts a state into the title of the worker's process; None where nobody would see it."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The callables that join the supervisor with the rest."""

    load: Callable[[], Config]
    """Reads the configuration from all sources; raises ConfigError."""
    work: Callable[[Config, Sequence[Listener], Link], int]
    """What a worker process does, from loading the application to its exit code."""
    preload: Callable[[], None]
    """Loads the application in this process, for all workers; raises AppError."""
    announce: Callable[[Ready, Sequence[str], int], None]
    """Called when all workers answer at first, and when the application can't be served: a worker's
    message, the addresses, how many."""
