"""Words that stand where a command or APP does, and are neither: what other tools say, and what is
misspelt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tricorn.cli.commands import COMMANDS
from tricorn.errors import ConfigError

if TYPE_CHECKING:
    from tricorn.config import Config

_SERVE = frozenset(
    {"run", "serve", "start", "dev", "server", "daphne", "gunicorn", "hypercorn", "uvicorn"}
)
_DJANGO = "runserver"
_OURS = {
    "kill": "stop",
    "ps": "status",
    "quit": "stop",
    "restart": "reload",
    "shutdown": "stop",
    "version": "--version",
}
"""What other tools call a command of ours."""


def explain(words: Sequence[str]) -> str:
    """What to write instead of a command line that begins so; nothing if that may be APP."""
    word, *rest = words or [""]
    if not (word.isascii() and word.isalpha()):
        return ""
    if word == _DJANGO:
        return f"write {_of_django(rest)}"
    if word in _SERVE:
        return f"write {_serving(rest)}"
    if word in _OURS:
        return f"did you mean tricorn {_OURS[word]}?"
    from tricorn.config.closest import did_you_mean

    return did_you_mean(word, COMMANDS, "tricorn ").removeprefix("; ")


def _serving(words: Sequence[str]) -> str:
    """The command line that serves what is named; an application may be named by its file."""
    if all(word.startswith("-") for word in words):
        return "tricorn APP, as main:app"
    import shlex

    from tricorn.worker.target import module_of

    named = (f"{module_of(word)}:app" if word.endswith(".py") else word for word in words)
    return shlex.join(["tricorn", *named])


def _of_django(words: Sequence[str]) -> str:
    """The same for ``runserver``, which knows its application and may be given an address."""
    import shlex
    from pathlib import Path

    projects = [path.parent.name for path in Path().glob("*/wsgi.py")]
    address = [word for word in words[:1] if not word.startswith("-")]
    flag = ["--port" if one.isdigit() else "--bind" for one in address]
    project = projects[0] if len(projects) == 1 else "mysite"
    return shlex.join(["tricorn", f"{project}.wsgi", *flag, *words])


def no_command(words: Sequence[str]) -> str:
    """A sentence about a first word that may be meant as a command, and is none; or nothing."""
    meant = explain(words)
    return f'"{words[0]}" is no command; {meant}' if meant else ""


def check_word(words: Sequence[str], config: Config) -> None:
    """Raise ConfigError if APP names no module and may be meant as a command."""
    app = config.app.target
    if not words or app != words[0] or _is_module(app, config.app.app_dir):
        return
    if meant := explain(words[:1]):
        raise ConfigError(f'"{app}" is neither a command nor a module; {meant}')


def _is_module(name: str, app_dir: str) -> bool:
    if not name.isidentifier():
        return True  # or not one that could be a command
    from importlib.machinery import PathFinder
    from importlib.util import find_spec

    return any((PathFinder.find_spec(name, [app_dir]), find_spec(name)))
