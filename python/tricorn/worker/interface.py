"""Which interface an application object speaks: ASGI 3, ASGI 2 or WSGI.

The three differ in how the object is called:

======  ======================================  ===========================
asgi    ``await app(scope, receive, send)``     ASGI 3.0
asgi2   ``await app(scope)(receive, send)``     ASGI 2.0, a double callable
wsgi    ``app(environ, start_response)``        PEP 3333
======  ======================================  ===========================

So the object's signature is asked: first for the names of the parameters, which nearly every
application takes from the specifications, then for their number. ``inspect.signature`` sees
through functools.partial, functools.wraps, bound and static methods.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import Any

from tricorn.errors import AppError
from tricorn.logs.banner import INTERFACES

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def detect(app: Any, chosen: str, label: str) -> str:
    """The interface of ``app``: ``asgi``, ``asgi2`` or ``wsgi``.

    ``chosen`` is the setting; anything but ``auto`` is the answer. ``label`` names the object in
    messages. Raises AppError when it is not an application, when its call does not tell, or when
    it can't be called as chosen.
    """
    _check_callable(app, label)
    if chosen != "auto":
        _check_chosen(app, chosen, label)
        return chosen
    call = _Call.of(app)
    if interface := _from_call(call):
        return interface
    if call is not None and call.most == 0:
        raise AppError(_explain_factory(app, label))
    raise AppError(
        f"cannot tell whether {label} is ASGI or WSGI: {call or 'its call cannot be inspected'}. "
        "An ASGI application takes (scope, receive, send), a WSGI application "
        "(environ, start_response). If it is one, say which with --interface"
    )


def looks_like_app(value: Any) -> bool:
    """Whether an object found in a module seems to be an application, to suggest it."""
    try:
        is_class = inspect.isclass(value)
        return callable(value) and not is_class and _from_call(_Call.of(value)) is not None
    except Exception:
        return False  # proxies, such as flask.request, raise on any look at them


@dataclass(frozen=True, slots=True)
class _Call:
    """How an object is called: its positional parameters and whether the call is awaited.

    ``most`` is how many positional arguments it takes, None for any number.
    """

    signature: inspect.Signature
    names: tuple[str, ...]
    required: int
    most: int | None
    is_async: bool
    is_class: bool

    @classmethod
    def of(cls, app: Any, follow_wrapped: bool = True) -> _Call | None:
        try:
            signature = inspect.signature(app, follow_wrapped=follow_wrapped)
        except (TypeError, ValueError):
            return None  # written in C, without a signature
        parameters = signature.parameters.values()
        positional = [item for item in parameters if item.kind in _POSITIONAL]
        unlimited = any(item.kind is item.VAR_POSITIONAL for item in parameters)
        return cls(
            signature=signature,
            names=tuple(item.name for item in positional),
            required=sum(item.default is item.empty for item in positional),
            most=None if unlimited else len(positional),
            is_async=_is_async(app),
            is_class=inspect.isclass(app),
        )

    def takes(self, count: int) -> bool:
        return self.required <= count and (self.most is None or count <= self.most)

    def __str__(self) -> str:
        what = "a class that" if self.is_class else "async and" if self.is_async else "a call that"
        return f"it is {what} takes {self.signature}"


def _is_async(app: Any) -> bool:
    if isinstance(app, functools.partial):
        return _is_async(app.func)
    call = type(app).__call__ if callable(app) else None
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call)


def _from_call(call: _Call | None) -> str | None:
    if call is None:
        return None
    return _from_names(call) or (None if call.is_class else _from_count(call))


def _from_names(call: _Call) -> str | None:
    match call.names:
        case ("scope",) if not call.is_async and call.most == 1:
            return "asgi2"
        case ("scope", *_) if call.takes(3):
            return "asgi"
        case ("environ" | "env", "start_response", *_) if not call.is_async and call.takes(2):
            return "wsgi"
        case _:
            return None


def _from_count(call: _Call) -> str | None:
    if call.is_async:
        return "asgi" if call.takes(3) else None
    if call.most is None:
        return None
    return {2: "wsgi", 3: "asgi"}.get(call.required)


def _check_callable(app: Any, label: str) -> None:
    if inspect.iscoroutine(app):
        app.close()  # else Python warns that it was never awaited
        raise AppError(f"{label} is a coroutine: a factory must be a plain function, not async")
    if inspect.ismodule(app):
        raise AppError(f"{label} is a module, not an application: name the application in it")
    if not callable(app):
        kind = f"an object of the type {type(app).__name__}"
        raise AppError(f"{label} is not an application: {kind} cannot be called")


_ARGUMENTS = {"asgi": 3, "asgi2": 1, "wsgi": 2}
"""How many each is called with."""


def _check_chosen(app: Any, chosen: str, label: str) -> None:
    """Refuse what speaks another interface. A wrapper may differ from what it wraps."""
    try:
        call = _Call.of(app, follow_wrapped=False)
    except Exception:
        return  # as some proxies do
    found = _from_call(call)
    if call is None or not (call.is_async or found):
        return  # nobody can tell
    if not call.takes(_ARGUMENTS[chosen]) or (call.is_async and chosen == "wsgi"):
        what = INTERFACES[found] if found else "async"
        raise AppError(
            f"{label} is {what}, and can't be called as {INTERFACES[chosen]}: "
            f"leave --interface {chosen} out"
        )


def _explain_factory(app: Any, label: str) -> str:
    what = "class" if inspect.isclass(app) else "callable"
    return (
        f"{label} is not an application but a {what} that takes no arguments. "
        "If it makes the application, write () after its name or give --factory"
    )
