"""Settings of Gunicorn and Uvicorn that are there and that nobody reads here: one line for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from tricorn.config.catalogue import SETTINGS
from tricorn.config.setting import Setting

GUNICORN_FILE = "gunicorn.conf.py"
_GUNICORN_VARIABLE = "GUNICORN_CMD_ARGS"
_UVICORN = "UVICORN_"


def overlooked(environ: Mapping[str, str], directory: Path, has_file: bool) -> Iterator[str]:
    """What is set for the other servers, with how to say it here; each a sentence.

    ``has_file`` tells that there is a file with settings for us: then that of Gunicorn is there for
    Gunicorn.
    """
    for name, value in environ.items():
        if name == _GUNICORN_VARIABLE and value:
            yield f"environment {name}: is not read{_instead(_flags(value), _flag)}"
        elif name.startswith(_UVICORN) and value:
            yield f"environment {name}: is not read{_of_variable(name)}"
    if not has_file and (directory / GUNICORN_FILE).is_file():
        yield f"{GUNICORN_FILE}: is not read{in_file(directory / GUNICORN_FILE)}"


def in_file(path: Path) -> str:
    """How to write in tricorn.toml what a configuration file of Gunicorn sets; nothing if it can't
    be read."""
    return _instead(_names_in(path), lambda setting: setting.key, " in tricorn.toml")


def application_in(path: Path) -> str:
    """What a file of Python has as an application, as ``main:app``; nothing if it has none."""
    names = {"app", "application"}.intersection(_names_in(path))
    module = path.stem if path.is_absolute() else ".".join(path.with_suffix("").parts)
    return f"{module}:{min(names)}" if names else ""


def _names_in(path: Path) -> list[str]:
    """What a file of Python sets; nothing if it can't be read."""
    import ast

    try:
        return list(_assigned(ast.parse(path.read_bytes()).body))
    except (OSError, SyntaxError, ValueError):
        return []


def _assigned(statements: Iterable[object]) -> Iterator[str]:
    import ast

    for statement in statements:
        if isinstance(statement, ast.Assign):
            yield from (one.id for one in statement.targets if isinstance(one, ast.Name))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement.name


def _flags(arguments: str) -> list[str]:
    import shlex

    try:
        words = shlex.split(arguments)
    except ValueError:
        words = arguments.split()
    return [word.partition("=")[0] for word in words if word.startswith("-")]


def _flag(setting: Setting) -> str:
    return setting.flag


def _of_variable(name: str) -> str:
    from tricorn.config.foreign import advice

    instead = advice(name.removeprefix(_UVICORN).lower(), lambda setting: setting.env)
    return f"; {instead}" if instead else ""


def _instead(names: Iterable[str], write: Callable[[Setting], str], where: str = "") -> str:
    """The names with ours, and what to do about those without."""
    from tricorn.config.foreign import advice, counterpart

    short = {setting.declared.get("short"): setting for setting in SETTINGS}
    ours, others = [], []
    for name in dict.fromkeys(names):
        if setting := counterpart(name) or short.get(name):
            written = write(setting)
            ours.append(written if written == name else f"{name} as {written}")
        elif instead := advice(name):
            others.append(f"{name}: {instead}")
    texts = [f"write {', '.join(ours)}{where}"] if ours else []
    return "".join(f"; {text}" for text in [*texts, *others])
