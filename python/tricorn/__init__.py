"""Tricorn: one server for WSGI and ASGI applications.

``run(app, port=8000)`` serves until it is told to stop. In a running event loop, as in a test
suite, ``async with Server(app, Config.make(port=0)) as addresses`` does. Each mistake is a
``TricornError``. Names are looked up when they are first used, so that the import costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tricorn.cli.run import run
    from tricorn.config import Config
    from tricorn.errors import (
        AppError,
        BindError,
        ConfigError,
        LifespanError,
        RequestTimeout,
        TricornError,
    )
    from tricorn.worker.server import Server

    __version__: str

__all__ = [
    "AppError",
    "BindError",
    "Config",
    "ConfigError",
    "LifespanError",
    "RequestTimeout",
    "Server",
    "TricornError",
    "__version__",
    "run",
]

_HOMES = {
    "AppError": "tricorn.errors",
    "BindError": "tricorn.errors",
    "Config": "tricorn.config",
    "ConfigError": "tricorn.errors",
    "LifespanError": "tricorn.errors",
    "RequestTimeout": "tricorn.errors",
    "Server": "tricorn.worker.server",
    "TricornError": "tricorn.errors",
    "run": "tricorn.cli.run",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    value = _version() if name == "__version__" else _imported(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _imported(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def _version() -> str:
    from tricorn.version import version

    return version()
