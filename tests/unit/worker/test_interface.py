"""Telling ASGI 3, ASGI 2 and WSGI apart, on objects of all shapes and of the real frameworks."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import pytest

from tricorn.errors import AppError
from tricorn.worker.interface import detect, looks_like_app


async def asgi(scope: Any, receive: Any, send: Any) -> None: ...


async def asgi_renamed(a: Any, b: Any, c: Any) -> None: ...


async def asgi_any(*args: Any) -> None: ...


async def asgi_extra(prefix: Any, scope: Any, receive: Any, send: Any) -> None: ...


def asgi_plain(scope: Any, receive: Any, send: Any) -> Any: ...


def asgi2(scope: Any) -> Any: ...


def wsgi(environ: Any, start_response: Any) -> Any: ...


def wsgi_renamed(request_environment: Any, start: Any) -> Any: ...


def wsgi_unused(_: Any, start_response: Any) -> Any: ...


def wsgi_with_option(environ: Any, start_response: Any, debug: bool = False) -> Any: ...


def wsgi_extra(prefix: Any, environ: Any, start_response: Any) -> Any: ...


class AsgiObject:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def method(self, scope: Any, receive: Any, send: Any) -> None: ...


class AsgiClass:
    """The whole call is the class, as in Starlette's endpoints."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...
    def __await__(self) -> Any: ...


class Asgi2Class:
    def __init__(self, scope: Any) -> None: ...
    async def __call__(self, receive: Any, send: Any) -> None: ...


class Asgi2Object:
    def __call__(self, scope: Any) -> Any: ...


class WsgiObject:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...

    @staticmethod
    def static(environ: Any, start_response: Any) -> Any: ...

    @classmethod
    def of_class(cls, environ: Any, start_response: Any) -> Any: ...


class WsgiClass:
    """An iterable as in the examples of PEP 3333."""

    def __init__(self, environ: Any, start_response: Any) -> None: ...
    def __iter__(self) -> Any: ...


def decorated(app: Any) -> Callable[..., Any]:
    @functools.wraps(app)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return app(*args, **kwargs)

    return wrapper


SHAPES = [
    (asgi, "asgi"),
    (asgi_renamed, "asgi"),
    (asgi_any, "asgi"),
    (asgi_plain, "asgi"),
    (AsgiObject(), "asgi"),
    (AsgiObject().method, "asgi"),
    (AsgiClass, "asgi"),
    (functools.partial(asgi_extra, "/x"), "asgi"),
    (functools.partial(AsgiObject()), "asgi"),
    (decorated(asgi), "asgi"),
    (staticmethod(asgi), "asgi"),
    (lambda scope, receive, send: None, "asgi"),
    (lambda a, b, c: None, "asgi"),
    (asgi2, "asgi2"),
    (Asgi2Class, "asgi2"),
    (Asgi2Object(), "asgi2"),
    (decorated(asgi2), "asgi2"),
    (wsgi, "wsgi"),
    (wsgi_renamed, "wsgi"),
    (wsgi_unused, "wsgi"),
    (wsgi_with_option, "wsgi"),
    (WsgiObject(), "wsgi"),
    (WsgiObject.static, "wsgi"),
    (WsgiObject.of_class, "wsgi"),
    (WsgiObject().of_class, "wsgi"),
    (WsgiClass, "wsgi"),
    (functools.partial(wsgi_extra, "/x"), "wsgi"),
    (decorated(wsgi), "wsgi"),
    (staticmethod(wsgi), "wsgi"),
    (lambda environ, start_response: [], "wsgi"),
]

UNCLEAR: list[tuple[Any, str]] = [
    (lambda *args: None, "it is a call that takes (*args)"),
    (lambda request: None, "it is a call that takes (request)"),
    (lambda a, b, c, d: None, "it is a call that takes (a, b, c, d)"),
    (decorated(lambda request: None), "it is a call that takes (request)"),
    (type("Two", (), {"__init__": lambda self, a, b: None}), "it is a class that takes (a, b)"),
    (type, "its call cannot be inspected"),
]


async def endpoint(request: Any) -> None: ...


async def async_wsgi(environ: Any, start_response: Any) -> None: ...


@pytest.mark.parametrize(("app", "interface"), SHAPES)
def test_shape(app: Any, interface: str) -> None:
    assert detect(app, "auto", "main:app") == interface


@pytest.mark.parametrize("app", [endpoint, async_wsgi])
def test_async_call_that_is_not_asgi(app: Any) -> None:
    with pytest.raises(AppError, match="it is async and takes"):
        detect(app, "auto", "main:app")


@pytest.mark.parametrize(("app", "shape"), UNCLEAR)
def test_unclear(app: Any, shape: str) -> None:
    with pytest.raises(AppError) as error:
        detect(app, "auto", "main:app")
    message = str(error.value)
    assert message.startswith(f"cannot tell whether main:app is ASGI or WSGI: {shape}")
    assert message.endswith("say which with --interface")


@pytest.mark.parametrize(("app", "shape"), UNCLEAR)
@pytest.mark.parametrize("chosen", ["asgi", "asgi2", "wsgi"])
def test_the_setting_settles_it(app: Any, shape: str, chosen: str) -> None:
    assert detect(app, chosen, "main:app") == chosen


@pytest.mark.parametrize(
    ("app", "chosen", "told"),
    [
        (WsgiObject(), "asgi", "is WSGI, and can't be called as ASGI 3"),
        (WsgiObject(), "asgi2", "is WSGI, and can't be called as ASGI 2"),
        (AsgiObject(), "wsgi", "is ASGI 3, and can't be called as WSGI"),
        (asgi2, "asgi", "is ASGI 2, and can't be called as ASGI 3"),
        (async_wsgi, "wsgi", "is async, and can't be called as WSGI"),
        (endpoint, "asgi", "is async, and can't be called as ASGI 3"),
    ],
)
def test_a_setting_that_does_not_fit(app: Any, chosen: str, told: str) -> None:
    with pytest.raises(AppError) as error:
        detect(app, chosen, "main:app")
    assert str(error.value) == f"main:app {told}: leave --interface {chosen} out"


def test_a_setting_for_a_wrapper_that_looks_like_what_it_wraps() -> None:
    """functools.wraps copies a signature that its call does not have."""
    assert detect(decorated(wsgi), "asgi", "main:app") == "asgi"


class Unsigned:
    """Its signature can't be had; but it can be called."""

    @property
    def __signature__(self) -> object:
        raise RuntimeError("outside of a request")

    def __call__(self, environ: Any, start_response: Any) -> Any: ...


def test_the_setting_settles_it_for_what_cannot_be_looked_at() -> None:
    assert detect(Unsigned(), "wsgi", "main:app") == "wsgi"


@pytest.mark.parametrize("chosen", ["auto", "wsgi"])
@pytest.mark.parametrize(
    ("app", "reason"),
    [
        (None, "an object of the type NoneType cannot be called"),
        (1, "an object of the type int cannot be called"),
        (types, "is a module, not an application"),
    ],
)
def test_not_an_application(app: Any, reason: str, chosen: str) -> None:
    with pytest.raises(AppError, match=reason):
        detect(app, chosen, "main:app")


@pytest.mark.parametrize(
    ("app", "what"), [(lambda: asgi, "callable"), (AsgiObject, "class"), (Asgi2Object, "class")]
)
def test_factory_given_as_the_application(app: Any, what: str) -> None:
    with pytest.raises(AppError, match=f"but a {what} that takes no arguments"):
        detect(app, "auto", "main:app")


@pytest.mark.parametrize(("app", "interface"), SHAPES)
def test_applications_are_suggested_but_not_classes(app: Any, interface: str) -> None:
    assert looks_like_app(app) is not isinstance(app, type)


@pytest.mark.parametrize("value", [None, 1, print, len, AsgiObject, endpoint, type, types])
def test_other_objects_are_not_suggested(value: Any) -> None:
    assert not looks_like_app(value)


class Proxy:
    """As flask.request outside of a request."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("working outside of request context")

    def __call__(self, environ: Any, start_response: Any) -> Any: ...


def test_objects_that_cannot_be_looked_at_are_not_suggested() -> None:
    assert not looks_like_app(Proxy())


def starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.middleware.gzip import GZipMiddleware

    return [(Starlette(), "asgi"), (GZipMiddleware(Starlette()), "asgi")]


def starlette_endpoint() -> Any:
    from starlette.endpoints import HTTPEndpoint

    return [(HTTPEndpoint, "asgi")]


def fastapi() -> Any:
    from fastapi import FastAPI

    return [(FastAPI(), "asgi"), (FastAPI().build_middleware_stack(), "asgi")]


def quart() -> Any:
    from quart import Quart

    return [(Quart(__name__), "asgi")]


def flask() -> Any:
    from flask import Flask
    from werkzeug.middleware.dispatcher import DispatcherMiddleware
    from werkzeug.middleware.proxy_fix import ProxyFix

    app = Flask(__name__)
    wrapped = [ProxyFix(app.wsgi_app), DispatcherMiddleware(app)]
    return [(one, "wsgi") for one in (app, app.wsgi_app, *wrapped)]


def pyramid() -> Any:
    return [(pytest.importorskip("pyramid.config").Configurator().make_wsgi_app(), "wsgi")]


def falcon() -> Any:
    import falcon.asgi

    return [(falcon.App(), "wsgi"), (falcon.asgi.App(), "asgi")]


def django() -> Any:
    settings = pytest.importorskip("django.conf").settings
    if not settings.configured:
        settings.configure(SECRET_KEY="for this test only")
    wsgi_app = pytest.importorskip("django.core.wsgi").get_wsgi_application()
    asgi_app = pytest.importorskip("django.core.asgi").get_asgi_application()
    adapted = pytest.importorskip("asgiref.wsgi").WsgiToAsgi(wsgi_app)
    return [(wsgi_app, "wsgi"), (asgi_app, "asgi"), (adapted, "asgi")]


@pytest.mark.parametrize(
    ("framework", "make"),
    [
        ("starlette", starlette),
        ("starlette", starlette_endpoint),
        ("fastapi", fastapi),
        ("quart", quart),
        ("flask", flask),
        ("pyramid", pyramid),
        ("falcon", falcon),
        ("django", django),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the frameworks' own imports
def test_framework(framework: str, make: Callable[[], Any]) -> None:
    pytest.importorskip(framework)
    for app, interface in make():
        assert detect(app, "auto", "main:app") == interface, app


@pytest.mark.parametrize(
    ("module", "name"), [("flask", "Flask"), ("quart", "Quart"), ("starlette.routing", "Route")]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_framework_class_given_for_its_instance(module: str, name: str) -> None:
    cls = getattr(pytest.importorskip(module), name)
    with pytest.raises(AppError, match="it is a class that takes"):
        detect(cls, "auto", "main:app")
