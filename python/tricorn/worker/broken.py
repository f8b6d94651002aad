"""What stands in for an application that could not be loaded, in development only: a page with why.

Browsers get HTML that comes back to the application by itself: it asks once a second, and loads
anew when the answer no longer bears this error's mark. Everybody else gets the same as plain text.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, TypeAlias

from tricorn.errors import TricornError
from tricorn.worker.blame import app_traceback

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
BrokenApp: TypeAlias = Callable[
    [MutableMapping[str, Any], Receive, Send], Coroutine[Any, Any, None]
]

MARK = "Tricorn-Broken"
"""The field of every answer; its value changes with the error."""

_HINT = "Tricorn serves this page in place of the application, which could not be loaded."

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }}
pre {{ border-left: .25rem solid #d33; overflow-x: auto; padding-left: 1rem; line-height: 1.4 }}
</style>
<h1>{title}</h1>
<pre>{text}</pre>
<p>{hint} {next}</p>
{script}"""

# Redirects are not followed: another origin would not let its answer be read, while any answer of
# the application, a redirect too, lacks the mark.
_SCRIPT = """\
<script>
async function look() {{
  try {{
    const request = {{method: "HEAD", cache: "no-store", redirect: "manual"}}
    const answer = await fetch(location.href, request)
    if (answer.headers.get("{field}") !== "{mark}") return location.reload()
  }} catch {{}}
  setTimeout(look, 1000)
}}
setTimeout(look, 1000)
</script>
"""


def broken_app(error: BaseException) -> BrokenApp:
    """An ASGI application that answers every request with 500 and why there is no other.

    ``error`` is what loading or starting the application raised. Its text holds code and paths of
    the application, so this is never to be served in production.
    """
    text = (str(error) if isinstance(error, TricornError) else app_traceback(error)) or repr(error)
    mark = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await _answer(scope, send, text, mark)
        else:
            raise RuntimeError(f"no application to serve {scope['type']}:\n{text}")

    return app


async def _live(receive: Receive, send: Send) -> None:
    """Confirm start-up and shutdown (ASGI lifespan spec 2.0)."""
    kind = ""
    while kind != "lifespan.shutdown":
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})


async def _answer(scope: MutableMapping[str, Any], send: Send, text: str, mark: str) -> None:
    if _wants_html(scope):
        kind, answer = "text/html", _page(text, mark, scope["method"])
    else:
        kind, answer = "text/plain", f"{text}\n\n{_HINT}\n"
    body = answer.encode("utf-8", "backslashreplace")
    fields = {
        "Content-Type": f"{kind}; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        MARK: mark,
    }
    headers = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _wants_html(scope: MutableMapping[str, Any]) -> bool:
    """Whether the client asks for HTML by name, as browsers do when they load a page."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return b"text/html" in accepted.lower()


def _page(text: str, mark: str, method: str) -> str:
    """The page; without its script where to load it anew would send a form again."""
    comes_back = method in ("GET", "HEAD")
    lines = text.splitlines()
    title = html.escape(lines[-1 if lines[0].startswith("Traceback") else 0])
    script = _SCRIPT.format(field=MARK, mark=mark) if comes_back else ""
    then = "come back by itself" if comes_back else "be there when you send the request again"
    following = f"Save a file with the error mended, and it will {then}."
    return _PAGE.format(
        title=title, text=html.escape(text), hint=_HINT, next=following, script=script
    )
