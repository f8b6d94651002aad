"""Load the application that APP names: import its module, find the attribute, call the factory."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tricorn.config.application import App
from tricorn.config.closest import did_you_mean
from tricorn.errors import AppError
from tricorn.worker.blame import app_frames, app_traceback, last_place, shortened
from tricorn.worker.interface import detect, looks_like_app
from tricorn.worker.target import Target, parse_target

_APP_NAMES = ("app", "application")
_FACTORY_NAMES = ("create_app", "make_app")


@dataclass(frozen=True, slots=True)
class Loaded:
    """An application ready to be served.

    ``interface`` is ``asgi``, ``asgi2`` or ``wsgi``; ``name`` is the full APP that was found,
    as ``main:create_app()`` for a target of ``main``. ``failure`` is why ``app`` only stands in for
    it, in a line.
    """

    app: Any
    interface: str
    name: str
    failure: str = ""


def load(settings: App) -> Loaded:
    """Import and check the application that ``settings.target`` names.

    Puts ``settings.app_dir`` first on ``sys.path``. Raises AppError; each way to fail has a
    message of its own, which holds the application's traceback where its code raised.
    """
    if settings.target is None:
        raise AppError("no application given. Name it as module:attribute, as: tricorn main:app")
    target = parse_target(settings.target)
    _put_first_on_path(settings.app_dir)
    module = _import(target)
    found = _complete(target, module, settings.factory)
    value = _attribute(found, module)
    app = _call_factory(found, value, settings.factory) if found.called else value
    label = f"the result of {found}" if found.called else str(found)
    try:
        interface = detect(app, settings.interface, label)
    except AppError as error:
        known = "" if found.called or looks_like_app(app) else _candidates(found, module)
        raise AppError(f"{error}. Did you mean {known}?" if known else str(error)) from None
    return Loaded(app, interface, str(found))


def _put_first_on_path(app_dir: str) -> None:
    try:
        directory = Path(app_dir).absolute()
    except FileNotFoundError:
        raise AppError(
            f'--app-dir "{app_dir}": the working directory has been deleted. '
            "Give an absolute path, or start in a directory that is there."
        ) from None
    if not directory.is_dir():
        raise AppError(f'--app-dir: there is no directory "{app_dir}"')
    path = str(directory)
    if path in sys.path:
        sys.path.remove(path)
    sys.path.insert(0, path)


def _import(target: Target) -> ModuleType:
    try:
        return importlib.import_module(target.module)
    except ModuleNotFoundError as error:
        raise AppError(_explain_missing(target, error)) from None
    except SyntaxError as error:
        raise AppError(f"cannot load {target}: syntax error\n\n{app_traceback(error)}") from None
    except (Exception, SystemExit) as error:
        text = f"cannot load {target}: importing {target.module} failed\n\n{app_traceback(error)}"
        raise AppError(text) from None


def _explain_missing(target: Target, error: ModuleNotFoundError) -> str:
    """Tell "APP names no module" from "the module imports something that is missing"."""
    missing = error.name or str(error)
    ours = target.module == missing or target.module.startswith(f"{missing}.")
    below = _directory_with(missing)
    if not ours or app_frames(error) is not None:
        why = "" if below else ", which is not installed"
        text = f'cannot load {target}: it needs the module "{missing}"{why}'
        hint = f"; {_app_dir_hint(target, missing, below)}" if below else ""
        return f"{text} (imported in {last_place(error)}){hint}\n\n{app_traceback(error)}"
    parent, _, last = target.module.rpartition(".")
    if parent in sys.modules and not hasattr(sys.modules[parent], "__path__"):
        return f'cannot load {target}: "{parent}" is a module. Did you mean {parent}:{last}?'
    hint = did_you_mean(missing, _modules_in(Path(sys.path[0]))) if missing.isidentifier() else ""
    looked = f"Looked in {sys.path[0]} (--app-dir) and the rest of Python's path."
    if below:
        looked += f"\n{_app_dir_hint(target, missing, below)}"
    return f'cannot load {target}: there is no module "{missing}"{hint}\n{looked}'


def _directory_with(module: str) -> str:
    """The directory below ``--app-dir`` that has a module; nothing if there is none."""
    if not module.isidentifier():
        return ""
    patterns = (f"[!.]*/{module}.py", f"[!.]*/{module}/*.py")
    found = (next(Path(sys.path[0]).glob(pattern), None) for pattern in patterns)
    files = sorted(str(one.relative_to(sys.path[0])) for one in found if one)
    return shortened(str(Path(sys.path[0], Path(files[0]).parts[0]))) if files else ""


def _app_dir_hint(target: Target, module: str, directory: str) -> str:
    """How to load a target whose module is in that directory."""
    name = str(target).removeprefix(f"{Path(directory).name}.")
    return f'"{module}" is in {directory}: write {name} --app-dir {directory}'


def _modules_in(directory: Path) -> Iterator[str]:
    for entry in directory.iterdir():
        if entry.suffix == ".py" or (entry / "__init__.py").is_file():
            yield entry.stem


def _complete(target: Target, module: ModuleType, factory: bool) -> Target:
    """The target with its attribute: as given, or the first usual name the module has."""
    if target.attribute is not None:
        return Target(target.module, target.attribute, target.called or factory)
    for name in () if factory else _APP_NAMES:
        if _has(module, name):
            return Target(target.module, name, called=False)
    for name in _FACTORY_NAMES:
        if _has(module, name):
            return Target(target.module, name, called=True)
    names = [*([] if factory else _APP_NAMES), *(f"{name}()" for name in _FACTORY_NAMES)]
    tried = ", ".join(names)
    known = _candidates(target, module)
    hint = f"; did you mean {known}?" if known else f". Name it, as {target.module}:NAME"
    raise AppError(f"cannot load {target}: it has none of {tried}{hint}")


def _has(module: ModuleType, name: str) -> bool:
    try:
        return hasattr(module, name)
    except Exception:
        return True  # a __getattr__ that fails; it is told when the attribute is taken


def _candidates(target: Target, module: ModuleType) -> str:
    """What else a module has that may be the application, as ``main:app or main:api``."""
    names = [name for name, value in vars(module).items() if looks_like_app(value)]
    return " or ".join(f"{target.module}:{name}" for name in names[:3])


def _attribute(target: Target, module: ModuleType) -> Any:
    assert target.attribute is not None
    value: Any = module
    path = target.module
    for name in target.attribute.split("."):
        try:
            value = getattr(value, name)
        except Exception as error:
            if app_frames(error) is not None:
                raise AppError(f"cannot load {target}\n\n{app_traceback(error)}") from None
            known = [other for other in dir(value) if not other.startswith("__")]
            hint = did_you_mean(name, known)
            if not hint and value is module and (others := _candidates(target, module)):
                hint = f"; did you mean {others}?"
            raise AppError(
                f'cannot load {target}: {path} has no attribute "{name}"{hint}'
            ) from None
        path += f".{name}"
    return value


def _call_factory(target: Target, factory: Any, by_setting: bool) -> Any:
    if not callable(factory):
        raise AppError(f"cannot load {target}: a {type(factory).__name__} is no factory to call")
    try:
        return factory()
    except TypeError as error:
        if app_frames(error) is None:
            if looks_like_app(factory):
                name, surplus = str(target).removesuffix("()"), "--factory" if by_setting else "()"
                text = f"{name} is an application itself; leave {surplus} out"
                raise AppError(f"cannot load {target}: {text}") from None
            text = f"cannot load {target}: the factory cannot be called without arguments: {error}"
            raise AppError(text) from None
        raise _factory_failed(target, error) from None
    except (Exception, SystemExit) as error:
        raise _factory_failed(target, error) from None


def _factory_failed(target: Target, error: BaseException) -> AppError:
    return AppError(f"cannot load {target}: the factory failed\n\n{app_traceback(error)}")
