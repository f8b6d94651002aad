"""An ASGI application that waits in every way asyncio and anyio know, and tells how it went."""

from __future__ import annotations

import asyncio

import anyio

from tests.contract.echo_asgi import Receive, Scope, Send, respond


async def cancelled(receive: Receive) -> str:
    """A pending receive is cancelled with a reason; the reason must reach the waiter."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_soon(task.cancel, "for this reason")
    try:
        await receive()
    except asyncio.CancelledError as error:
        task.uncancel()
        return repr(error.args)
    return "not cancelled"


async def anyio_scope(receive: Receive) -> str:
    """How Starlette asks for a disconnect: a receive in a cancelled scope, again and again."""
    for _ in range(3):
        with anyio.CancelScope() as scope:
            scope.cancel()
            return str(await receive())
    return "nothing"


async def timeouts(receive: Receive) -> str:
    """asyncio.wait_for and asyncio.timeout around a receive that has nothing to give."""
    try:
        await asyncio.wait_for(receive(), 0.01)
    except TimeoutError:
        try:
            async with asyncio.timeout(0.01):
                await receive()
        except TimeoutError:
            return "twice in time"
    return "received"


async def two_waiters(receive: Receive) -> str:
    """Two pending receives, one given up: the other still waits."""
    first, second = asyncio.ensure_future(receive()), asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    still_waits = not second.done()
    second.cancel()
    await asyncio.wait([second])
    return f"{first.cancelled()} {still_waits}"


WAITS = {
    "/cancelled": cancelled,
    "/anyio-scope": anyio_scope,
    "/timeouts": timeouts,
    "/two-waiters": two_waiters,
}
after: list[str] = []


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait by path and answer with the outcome.

    ``/after`` waits behind its answer, ``/leave`` for its client to leave, without one.
    """
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await receive()
    path: str = scope["path"]
    if path == "/leave":
        await receive()
        await respond(send, 200, True, b"")
        return
    told = await WAITS[path](receive) if path in WAITS else " ".join(after)
    await respond(send, 200, True, told.encode())
    if path == "/after":
        after.extend([(await receive())["type"], (await receive())["type"]])
