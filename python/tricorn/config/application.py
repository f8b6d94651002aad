"""The sections about the application: which one is served, and how its interface is spoken."""

from __future__ import annotations

from dataclasses import dataclass

from tricorn.config.kinds import Words
from tricorn.config.setting import setting

EXTENSIONS = (
    "http.response.pathsend",
    "http.response.zerocopysend",
    "http.response.trailers",
    "http.response.early_hint",
    "http.response.debug",
    "websocket.http.response",
    "tls",
    # The last http.request message has the trailer fields of a chunked body under the same name, as
    # [(name, value)] of bytes, if there were any.
    "tricorn.trailers",
    # The state has an asyncio.Event of this name, which is set when draining starts, so that
    # responses without an end (server-sent events, long polls) can end well.
    "tricorn.shutdown",
)
"""The extensions of ASGI that scopes announce; ``tls`` only over TLS."""


def _check_extension(name: str) -> None:
    if name not in EXTENSIONS:
        raise ValueError(f"is not one of {', '.join(EXTENSIONS)}")


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
    extensions_off: Words = setting(
        (),
        flag="--asgi-extensions-off",
        metavar="NAME",
        check=_check_extension,
        help="Extensions of ASGI that are not announced to the application, as "
        "http.response.pathsend, whose files middleware can't compress.",
    )
