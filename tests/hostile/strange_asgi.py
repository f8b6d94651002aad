"""An ASGI application that does to its server what nobody should, by path."""

from __future__ import annotations

import asyncio
import ctypes
import os
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

NESTED: list[str] = []
"""What was served while the loop ran within itself."""
LEAVING: list[asyncio.Future[None]] = []
"""One for each task of ``/caught``."""


async def respond(send: Send, body: bytes) -> None:
    """A whole response."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def hello(receive: Receive, send: Send) -> None:
    """Nothing strange."""
    NESTED.append("served")
    await respond(send, b"hello")


def in_thread(*uses: Callable[[], object]) -> bytes:
    """What calls raise in another thread."""
    told: list[str] = []

    def run() -> None:
        for use in uses:
            try:
                use()
            except BaseException as error:
                told.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return "; ".join(told).encode()


async def elsewhere(receive: Receive, send: Send) -> None:
    """A receive is awaited in the loop of another thread."""
    await receive()
    told = in_thread(lambda: asyncio.run(asyncio.wait_for(receive(), 5)))
    await respond(send, told)


async def send_elsewhere(receive: Receive, send: Send) -> None:
    """What a send that waits for its client yields is used there."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    future: Any = None
    while future is None:
        message = {"type": "http.response.body", "body": bytes(1 << 18), "more_body": True}
        waiting: Any = send(message)
        with suppress(StopIteration):
            future = waiting.send(None)
    told = in_thread(lambda: future.done(), lambda: future.add_done_callback(print))
    waiting.close()
    await send({"type": "http.response.body", "body": told})


async def nested(receive: Receive, send: Send) -> None:
    """The loop runs within itself, in the first step, until another request is served."""
    NESTED.clear()
    loop: Any = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    asyncio.tasks._leave_task(loop, task)
    print("nested begins", flush=True)
    turns = 0
    while not NESTED:
        loop._run_once()
        turns += 1
    asyncio.tasks._enter_task(loop, task)
    await respond(send, str(turns).encode())


async def close_poller(receive: Receive, send: Send) -> None:
    """Close the server's poller, and not that of the loop."""
    loop: Any = asyncio.get_running_loop()
    has_uvloop = hasattr(loop, "_get_backend_id")
    poller = loop._get_backend_id() if has_uvloop else loop._selector.fileno()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if int(link.name) != poller and "eventpoll" in str(link.readlink()):
                os.close(int(link.name))


async def caught(receive: Receive, send: Send) -> None:
    """The client leaves; the task notices by its send, and returns as if nothing were."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    LEAVING.append(gone)
    await gone
    with suppress(OSError):
        while True:
            await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})


async def left(receive: Receive, send: Send) -> None:
    """The tasks of ``/caught`` go on in the next turn of the loop, before it hears of a client."""
    for gone in LEAVING:
        gone.set_result(None)
    LEAVING.clear()
    print("leave now", flush=True)
    Path(os.environ["GATE"]).read_bytes()  # until somebody opens it to write
    await respond(send, b"told")


class Mallinfo(ctypes.Structure):
    """glibc's struct mallinfo2: the eighth field counts the bytes that are allocated."""

    _fields_ = [(f"field{number}", ctypes.c_size_t) for number in range(10)]


async def allocated(receive: Receive, send: Send) -> None:
    """Bytes that are allocated in this process."""
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = Mallinfo
    await respond(send, str(libc.mallinfo2().field7).encode())


STRANGE = (elsewhere, send_elsewhere, nested, close_poller, caught, left)
PATHS = {f"/{function.__name__}": function for function in (hello, allocated, *STRANGE)}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """By path."""
    if scope["type"] != "http":
        raise NotImplementedError
    await PATHS[scope["path"]](receive, send)
