"""An ASGI application's wrapper that complains of everything the server does against the spec.

After the HTTP and lifespan pages of ASGI 3.0, specification version 2.5. Complaints are sentences
in ``AsgiChecker.complaints``; an empty list after many requests is what a test asserts.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HTTP_KEYS = {
    "type",
    "asgi",
    "http_version",
    "method",
    "scheme",
    "path",
    "raw_path",
    "query_string",
    "root_path",
    "headers",
    "client",
    "server",
    "state",
    "extensions",
}
LIFESPAN_KEYS = {"type", "asgi", "state", "extensions"}
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FIELD_NAME = re.compile(rb":?[!#$%&'*+\-.^_`|~0-9a-z]+")
FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
TRAILERS = "tricorn.trailers"
"""Our extension: the last http.request of a body may carry its trailers."""
MARK = "asgi_checker.was_here"
was_here: ContextVar[bool] = ContextVar("was_here", default=False)


class AsgiChecker:
    """Wraps ``app``; passes everything through and writes down what the server does wrong."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.complaints: list[str] = []
        self.seen: set[str] = set()

    def expect(self, true: object, complaint: str) -> None:
        """Write ``complaint`` down unless ``true``."""
        if not true:
            self.complaints.append(complaint)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Check the scope, then every message of this call."""
        kind = scope.get("type")
        self.seen.add(str(kind))
        self.check_asgi(scope.get("asgi"))
        if kind == "http":
            self.check_http(scope)
            self.check_isolation(scope)
            messages: HttpMessages | LifespanMessages = HttpMessages(self, scope)
        elif kind == "lifespan":
            self.check_keys(scope, LIFESPAN_KEYS)
            messages = LifespanMessages(self)
        else:
            self.complaints.append(f"unknown scope type {kind!r}")
            return
        await self.app(scope, messages.receiving(receive), messages.sending(send))

    def check_asgi(self, asgi: object) -> None:
        """The versions: 3.0, and a specification version of the 2.x line."""
        if not isinstance(asgi, dict):
            self.complaints.append(f"scope['asgi'] is {asgi!r}, not a dict")
            return
        self.expect(asgi.get("version") == "3.0", f"asgi version {asgi.get('version')!r}")
        spec = asgi.get("spec_version")
        self.expect(re.fullmatch(r"2\.[0-5]", str(spec)), f"asgi spec_version {spec!r}")

    def check_keys(self, scope: Message, known: set[str]) -> None:
        """No key that the spec does not name."""
        unknown = set(scope) - known
        self.expect(not unknown, f"unknown keys in the {scope['type']} scope: {sorted(unknown)}")

    def check_type(self, scope: Message, key: str, kind: type | tuple[type, ...]) -> bool:
        """Whether the value of ``key`` is there and of its type."""
        good = key in scope and isinstance(scope[key], kind)
        self.expect(good, f"scope[{key!r}] is {scope.get(key)!r}")
        return good

    def check_http(self, scope: Message) -> None:
        """Every key of the HTTP connection scope."""
        self.check_keys(scope, HTTP_KEYS)
        version = scope.get("http_version")
        self.expect(version in ("1.0", "1.1", "2"), f"http_version {version!r}")
        self.expect(scope.get("scheme") in ("http", "https"), f"scheme {scope.get('scheme')!r}")
        if self.check_type(scope, "method", str):
            self.expect(TOKEN.fullmatch(scope["method"]), f"method {scope['method']!r}")
        self.check_target(scope)
        self.check_fields(scope)
        self.check_address(scope.get("client"), "client", port_may_be_none=False)
        self.check_address(scope.get("server"), "server", port_may_be_none=True)
        if self.check_type({"extensions": {}, **scope}, "extensions", dict):
            named = scope.get("extensions") or {}
            good = all(isinstance(k, str) and isinstance(v, dict) for k, v in named.items())
            self.expect(good, f"extensions {named!r}")

    def check_target(self, scope: Message) -> None:
        """path, raw_path, query_string and root_path, and that they agree."""
        self.check_type(scope, "query_string", bytes)
        if self.check_type(scope, "root_path", str):
            root = scope["root_path"]
            self.expect(not root.endswith("/"), f"root_path {root!r} ends with a slash")
        if not self.check_type(scope, "path", str) or not self.check_type(scope, "raw_path", bytes):
            return
        path, raw = scope["path"], scope["raw_path"]
        self.expect(path.startswith("/") or path == "*", f"path {path!r}")
        self.expect(b"?" not in raw and b"#" not in raw, f"raw_path {raw!r}")
        decoded = unquote(raw.decode("latin-1"))
        self.expect(path in (decoded, scope["root_path"] + decoded), f"path {path!r} for {raw!r}")

    def check_fields(self, scope: Message) -> None:
        """headers: pairs of bytes, names in lower case, framing fields that make sense."""
        fields = [tuple(pair) for pair in scope.get("headers") or ()]
        for pair in fields:
            name, value = pair if len(pair) == 2 else (None, None)
            good = isinstance(name, bytes) and isinstance(value, bytes)
            self.expect(good, f"not a header pair of bytes: {pair!r}")
            if isinstance(name, bytes) and isinstance(value, bytes):
                self.expect(FIELD_NAME.fullmatch(name), f"header name {name!r}")
                self.expect(FIELD_VALUE.fullmatch(value), f"header value {value!r}")
                self.expect(value == value.strip(b" \t"), f"spaces around {value!r}")
        hosts = [name for name, _ in fields if name == b"host"]
        self.expect(len(hosts) <= 1, f"{len(hosts)} host headers")

    def check_address(self, address: object, name: str, *, port_may_be_none: bool) -> None:
        """client and server: None, or a pair of a string and an integer."""
        if address is None:
            return
        good = isinstance(address, tuple | list) and len(address) == 2
        self.expect(good, f"{name} {address!r}")
        if isinstance(address, tuple | list) and len(address) == 2:
            host, port = address
            self.expect(isinstance(host, str), f"{name} host {host!r}")
            if port is None:
                self.expect(port_may_be_none, f"{name} port None")
                return
            self.expect(type(port) is int and 0 <= port < 65536, f"{name} port {port!r}")

    def check_isolation(self, scope: Message) -> None:
        """Nothing of an earlier request is left: its context, its scope, its copy of the state."""
        self.expect(not was_here.get(), "the context of another request")
        was_here.set(True)
        self.expect(MARK not in scope, "the scope of another request")
        state = scope.get("state")
        if state is not None:
            self.expect(isinstance(state, dict), f"state {state!r}")
            self.expect(MARK not in state, "the state is not a copy of its own")
            state[MARK] = True
        self.expect(asyncio.current_task() is not None, "no current task")


class LifespanMessages:
    """The order of lifespan messages: startup, then shutdown."""

    def __init__(self, checker: AsgiChecker) -> None:
        self.checker = checker
        self.due = ["lifespan.startup", "lifespan.shutdown"]

    def receiving(self, receive: Receive) -> Receive:
        """``receive`` with every message checked."""

        async def checked() -> Message:
            message = await receive()
            due = self.due.pop(0) if self.due else "nothing more"
            self.checker.expect(dict(message) == {"type": due}, f"{message!r}, {due} was due")
            return message

        return checked

    def sending(self, send: Send) -> Send:
        """``send`` with its result checked."""
        return sending(self.checker, send)


class HttpMessages:
    """The order and shape of the messages of one request."""

    def __init__(self, checker: AsgiChecker, scope: Message) -> None:
        self.checker = checker
        self.more = True
        self.gone = False
        self.size = 0
        # The last key is Tricorn's own: the trailer fields of a chunked body, when it had any.
        self.keys = {"type", "body", "more_body", "tricorn.trailers"}
        if TRAILERS in (scope.get("extensions") or {}):
            self.keys.add("trailers")
        lengths = [value for name, value in scope.get("headers", ()) if name == b"content-length"]
        self.length = int(lengths[0]) if lengths else None

    def receiving(self, receive: Receive) -> Receive:
        """``receive`` with every message checked."""

        async def checked() -> Message:
            message = await receive()
            self.check(message)
            return message

        return checked

    def check(self, message: Message) -> None:
        """http.request until the body is whole, then http.disconnect for ever."""
        expect = self.checker.expect
        kind = message.get("type")
        self.checker.seen.add(str(kind))
        if kind == "http.disconnect":
            expect(set(message) == {"type"}, f"keys of {message!r}")
            self.gone = True
            return
        expect(kind == "http.request", f"message type {kind!r}")
        expect(not self.gone, "http.request after http.disconnect")
        expect(self.more, "http.request after the end of the body")
        expect(set(message) <= self.keys, f"keys of {message!r}")
        body, more = message.get("body", b""), message.get("more_body", False)
        expect(type(body) is bytes, f"body of type {type(body).__name__}")
        expect(type(more) is bool, f"more_body {more!r}")
        expect(body or not more or not self.size, "an empty piece in the middle of a body")
        self.more = bool(more)
        self.size += len(body)
        if not self.more and self.length is not None:
            expect(self.size == self.length, f"a body of {self.size} bytes, not {self.length}")

    def sending(self, send: Send) -> Send:
        """``send`` with its result checked."""
        return sending(self.checker, send)


def sending(checker: AsgiChecker, send: Send) -> Send:
    """``send`` that must return None, or raise OSError once the client has gone."""

    async def checked(message: Message) -> None:
        try:
            result: object = await send(message)  # type: ignore[func-returns-value]
        except (OSError, asyncio.CancelledError):
            raise
        except Exception as error:
            checker.complaints.append(f"send({message['type']}) raised {error!r}")
            raise
        checker.expect(result is None, f"send returned {result!r}")

    return checked
