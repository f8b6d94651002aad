"""A server of one process, without a supervisor: which settings do nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tricorn.config.catalogue import SETTINGS
from tricorn.config.origin import Mistake
from tricorn.config.resolve import report
from tricorn.config.setting import Setting
from tricorn.errors import ConfigError

if TYPE_CHECKING:
    from tricorn.config.model import Config

_TEXT = "does nothing without worker processes; add --workers 1 or more, or leave it out"


def is_supervised(config: Config) -> bool:
    """Whether workers run under a supervisor; else one process serves alone."""
    wishes = (config.development.reload, config.operations.daemon, config.operations.pidfile)
    return config.process.workers is not None or any(wishes)


def check_alone(config: Config) -> None:
    """Refuse settings that would do nothing, as there is no supervisor.

    Raises ConfigError that lists each with its origin.
    """
    if is_supervised(config):
        return
    mistakes = [Mistake(str(config.origins[one.name]), _TEXT) for one in _idle(config)]
    if mistakes:
        raise ConfigError(report(mistakes))


def _idle(config: Config) -> Iterator[Setting]:
    for setting in SETTINGS:
        value = getattr(getattr(config, setting.section), setting.field)
        off = (setting.default, setting.declared.get("negated"))
        # How long a warm-up may take is the one thing that it says of a process alone.
        used = setting.name == "timeout" and config.rollout.warmup_path
        if setting.declared.get("supervised") and value not in off and not used:
            yield setting
