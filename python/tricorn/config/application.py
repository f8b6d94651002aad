"""The sections about the application: which one is served, and how its interface is spoken."""

from __future__ import annotations

from dataclasses import dataclass

from tricorn.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Application: what is served."""

    target: str | None = setting(
        None,
        everyday=True,
        flag="--app",
        argument=True,
        metavar="APP",
        help="The application: module:attribute, module:factory() or a module alone.",
        gunicorn="wsgi_app",
        uvicorn="app",
    )
    app_dir: str = setting(
        ".",
        everyday=True,
        metavar="DIR",
        help="Directory put first on the import path.",
        gunicorn="chdir",
        uvicorn="app_dir",
    )
    factory: bool = setting(
        False,
        everyday=True,
        help="Call APP without arguments to get the application.",
        uvicorn="factory",
    )
    interface: str = setting(
        "auto",
        choices=("auto", "asgi", "asgi2", "wsgi"),
        help="Interface of the application; auto looks at the object.",
        uvicorn="interface",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asgi:
    """ASGI: the event loop and the lifespan of an ASGI application."""

    loop: str = setting(
        "auto",
        choices=("auto", "uvloop", "asyncio"),
        help="Event loop; auto takes uvloop where it is installed.",
        gunicorn="asgi_loop",
        uvicorn="loop",
    )
    lifespan: str = setting(
        "auto",
        choices=("auto", "on", "off"),
        help="Lifespan events; auto goes on without them if the application does not know them.",
        gunicorn="asgi_lifespan",
        uvicorn="lifespan",
    )
