"""Calls of what programs use that are written for Uvicorn, or by heart: each is told the right
spelling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tricorn.config import Config
from tricorn.config.catalogue import BY_NAME
from tricorn.config.idle import WORKERS, idle, what_is_needed
from tricorn.config.origin import Mistake, Rank
from tricorn.config.resolve import report
from tricorn.config.setting import Setting
from tricorn.errors import ConfigError
from tricorn.worker.target import parse_target

_SERVE = "await server.serve()"
_INSTEAD = {
    "run": f"tricorn.run(app, port=8000) without an event loop, {_SERVE} in one",
    "startup": _SERVE,
    "main_loop": _SERVE,
    "should_exit": "server.shutdown()",
    "force_exit": "server.hurry()",
}
"""What Uvicorn's server has, and what to write here."""

_ALONE = "a Server serves in this process alone; tricorn.run() and the command have workers"


class ForeignNames:
    """Answers names that another server has, instead of taking what they are set to in silence."""

    if not TYPE_CHECKING:  # where every other name would be fine then

        def __getattr__(self, name: str) -> object:
            kind = type(self).__name__
            raise AttributeError(_foreign(name) or f"{kind!r} object has no attribute {name!r}")

        def __setattr__(self, name: str, value: object) -> None:
            if text := _foreign(name):
                raise AttributeError(text)
            object.__setattr__(self, name, value)


def _foreign(name: str) -> str:
    return f"a Server has no {name}; write {_INSTEAD[name]}" if name in _INSTEAD else ""


def check_arguments(app: Any, config: object, settings: Mapping[str, object]) -> None:
    """Raise TypeError unless they are an application, a Config or None, and nothing else."""
    if isinstance(app, str):
        raise TypeError(f'a Server takes the application, and "{app}" is text: {_import(app)}')
    if isinstance(app, Config):
        raise TypeError("a Server takes the application first: write Server(app, config)")
    if settings or not isinstance(config, Config | None):
        given = ", ".join(f"{name}={value!r}" for name, value in settings.items()) or "port=8000"
        raise TypeError(f"settings go into a Config: write Server(app, Config.make({given}))")


def _import(text: str) -> str:
    target = parse_target(text)
    if target.attribute is None or "." in target.attribute:
        return "import the application, and write Server(app)"
    call = f"{target.attribute}()" if target.called else target.attribute
    return f"write from {target.module} import {target.attribute}; Server({call})"


def check_alone(config: Config) -> None:
    """Refuse what was asked for in a call and needs processes besides this one.

    What a file says of workers is left alone: it may be there for the command. Raises ConfigError.
    """
    settings = _wishes(config) if config.is_supervised else _idle_alone(config)
    origins = (config.origins[setting.name] for setting in settings)
    mistakes = [Mistake(str(one), _ALONE) for one in origins if one.rank is Rank.COMMAND_LINE]
    if mistakes:
        raise ConfigError(report(mistakes))


def _wishes(config: Config) -> Iterator[Setting]:
    """What makes the command start a supervisor."""
    for setting in (BY_NAME[name] for name in ("workers", "reload", "daemon", "pid")):
        if setting.value(config):
            yield setting


def _idle_alone(config: Config) -> Iterator[Setting]:
    return (setting for setting in idle(config) if what_is_needed(setting) == WORKERS)
