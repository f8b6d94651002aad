"""What the core tells Python: errors of the application, warnings, the end of draining."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tricorn._core import ClientDisconnected, RequestRefused
from tricorn.errors import RequestTimeout
from tricorn.worker.blame import app_traceback
from tricorn.worker.forked import end_child

_log = logging.getLogger("tricorn.app")


def tell(level: int, text: str, *args: object, error: BaseException | None = None) -> None:
    """Log, for the core. What goes wrong with that costs the line alone.

    The application may have closed the stream, or have given a handler that raises.
    """
    with suppress(Exception):
        _log.log(level, text, *args, exc_info=error)


class Hooks:
    """Callbacks of one core. ``on_idle`` runs when a draining core has nothing left to do."""

    of_client: tuple[type[BaseException], ...] = (ClientDisconnected, RequestRefused)
    """What an application may raise because its client has left, or has sent what is refused."""

    def __init__(self, on_idle: Callable[[], object]) -> None:
        self.idle = on_idle

    def app_error(self, error: BaseException, scope: dict[str, Any], gone: bool) -> None:
        """The application raised while it served the request of ``scope``."""
        if gone and (cause := self._of_client(error)):
            tell(
                logging.DEBUG,
                "%s: %s",
                _labelled(scope),
                str(cause) or "the client has disconnected",
            )
            return
        if isinstance(error, RequestTimeout):
            tell(logging.ERROR, "%s was interrupted", _labelled(scope))  # its stack was told before
            return
        tell(logging.ERROR, "%s failed\n%s", _labelled(scope), app_traceback(error))

    def app_warning(self, text: str, scope: dict[str, Any]) -> None:
        """The application did something that can't be right."""
        tell(logging.ERROR, "%s: %s", _labelled(scope), text)

    def warning(self, text: str) -> None:
        """Something of our own went wrong, and was contained."""
        tell(logging.ERROR, "%s", text)

    def forked(self, error: BaseException | None) -> None:
        """A call came back in a child that the application has forked."""
        end_child(error)

    def internal_error(self, error: BaseException) -> None:
        """A callback raised that never should."""
        tell(logging.ERROR, "unexpected error in a callback", error=error)

    def _of_client(self, error: BaseException) -> BaseException | None:
        """The error that is the client's doing, if this one is it or followed from it.

        Frameworks raise their own in its place, or wrap it in a group of a task group.
        """
        todo: list[BaseException | None] = [error]
        seen: set[int] = set()
        while todo:
            one = todo.pop()
            if one is None or id(one) in seen:
                continue
            if isinstance(one, self.of_client):
                return one
            seen.add(id(one))
            todo += [one.__cause__, one.__context__]
            if isinstance(one, BaseExceptionGroup):
                todo += one.exceptions
        return None


def request_of(scope: dict[str, Any]) -> str:
    """A request for the log, as ``GET /path``, from a scope or an environ.

    The application may have changed that at will.
    """
    try:
        if "REQUEST_METHOD" in scope:
            return f"{scope['REQUEST_METHOD']} {scope['RAW_URI']}"
        return f"{scope.get('method', 'WebSocket')} {scope['raw_path'].decode('latin-1')}"
    except Exception:
        return "a request"


def _labelled(scope: dict[str, Any]) -> str:
    """The same with the request's id, if it has one."""
    try:
        if "REQUEST_METHOD" in scope:
            label = scope["tricorn.request_id"]
        else:
            label = scope["extensions"]["tricorn.request_id"]["id"]
    except Exception:
        return request_of(scope)
    return f"{request_of(scope)} (id {label})"


def named(scope: dict[str, Any]) -> str:
    """A request and its client, as ``GET /path of 127.0.0.1:49152``.

    Without the query, which may have secrets.
    """
    request = request_of(scope).partition("?")[0]
    try:
        if "REQUEST_METHOD" in scope:
            host, port = scope["REMOTE_ADDR"], scope["REMOTE_PORT"]
        else:
            host, port = scope["client"] or ("", "")
    except Exception:
        return request
    # Without an address: on a unix socket, or through a proxy that does not know it.
    return f"{request} of {f'{host}:{port}' if host else 'a client without an address'}"
