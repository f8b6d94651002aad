"""The grammar of APP: ``package.module:attribute.path``, ``module:factory()`` or a module alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tricorn.errors import AppError

_NAME = r"[^\W\d]\w*"
_DOTTED = re.compile(rf"{_NAME}(\.{_NAME})*")


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed APP; ``attribute`` is None for a module alone, ``called`` for trailing ``()``."""

    module: str
    attribute: str | None
    called: bool

    def __str__(self) -> str:
        attribute = f":{self.attribute}" if self.attribute else ""
        return f"{self.module}{attribute}{'()' if self.called else ''}"


def parse_target(text: str) -> Target:
    """Read APP. Raises AppError that shows the form that was probably meant."""
    module, separator, attribute = text.strip().partition(":")
    called = attribute.endswith("()")
    name = attribute.removesuffix("()")
    _check_module(text, module, attribute or "app")
    if separator and not name:
        raise AppError(f'cannot load "{text}": no name after the colon, as in {module}:app')
    if name.endswith(")"):
        raise AppError(
            f'cannot load "{text}": a factory is called without arguments. '
            f"Write a function in {module} that calls it with them, and name that one."
        )
    if name and not _DOTTED.fullmatch(name):
        raise AppError(f'cannot load "{text}": "{name}" is not the name of an attribute')
    return Target(module, name or None, called)


def module_of(file: str) -> str:
    """The name of the module that a file seems to be, as ``shop.main`` for ``./shop/main.py``."""
    return file.removeprefix("./").strip("/").removesuffix(".py").replace("/", ".")


def _check_module(text: str, module: str, attribute: str) -> None:
    if _DOTTED.fullmatch(module) and not module.endswith(".py"):
        return
    meant = module_of(module)
    if module != meant and _DOTTED.fullmatch(meant):
        raise AppError(
            f'cannot load "{text}": APP is the name of a module, not of a file. '
            f"Did you mean {meant}:{attribute}?"
        )
    raise AppError(
        f'cannot load "{text}": "{module}" is not the name of a module. '
        "Write module:attribute, as main:app"
    )
