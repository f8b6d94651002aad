"""--warmup-path: requests that a worker answers to itself before it takes those of clients.

They come over a loopback connection to a core of their own, which is gone before the other one
listens: nobody else gets an answer from a worker that is not warm.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tricorn._core import AsgiCore, WsgiCore
from tricorn.config import Config
from tricorn.errors import WarmUpError

Server = tuple[str, int | None]
"""What the application is told as the server's address: host and port, or path and None."""


@contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield sock


async def warm_up_asgi(core: AsgiCore, server: Server, config: Config) -> None:
    """Have ``core``, made for this alone, answer each path. Raises WarmUpError."""
    loop = asyncio.get_running_loop()
    with _listening() as sock:
        core.listen(sock.fileno(), server, server[1] is not None, private=True)
        loop.add_reader(core.fileno(), core.poll)
        try:
            for path in config.rollout.warmup_path:
                await _ask(sock.getsockname(), path, config.process.timeout)
        finally:
            loop.remove_reader(core.fileno())
            core.close()


def warm_up_wsgi(core: WsgiCore, server: tuple[str, str], config: Config) -> None:
    """The same with a core for one thread; blocks."""
    with _listening() as sock, ThreadPoolExecutor(1, "tricorn-warm-up") as asking:
        core.listen(sock.fileno(), server, bool(server[1]), private=True)
        # A daemon: a call that never returns must not keep the process from ending.
        answering = threading.Thread(target=core.run, name="tricorn-warm-up", daemon=True)
        answering.start()
        try:
            # In a thread, since this one may have an event loop that runs.
            asking.submit(asyncio.run, _ask_all(sock.getsockname(), config)).result()
        finally:
            core.stop()
        answering.join()


async def _ask_all(address: tuple[str, int], config: Config) -> None:
    for path in config.rollout.warmup_path:
        await _ask(address, path, config.process.timeout)


async def _ask(address: tuple[str, int], target: str, timeout: float) -> None:
    try:
        async with asyncio.timeout(timeout or None):
            answer = await _answer(address, _request(target))
    except TimeoutError:
        raise WarmUpError(f"{_named(target)} had no answer in {timeout:g} s (--timeout)") from None
    status = answer.split(b" ", 2)[1:2]
    if not status or not status[0].isdigit():
        raise WarmUpError(f"{_named(target)} had no answer")
    if status[0] >= b"400":
        raise WarmUpError(f"{_named(target)} was answered with {status[0].decode()}")


async def _answer(address: tuple[str, int], request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request)
        start = await reader.readline()
        while await reader.read(1 << 16):
            pass  # the answer is part of the work
        return start
    except OSError:
        return b""
    finally:
        writer.close()


def _request(target: str) -> bytes:
    host, slash, path = target.partition("/")
    head = [
        f"GET {slash}{path} HTTP/1.1",
        f"Host: {host or 'localhost'}",
        "User-Agent: tricorn-warm-up",
        "Connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode()


def _named(target: str) -> str:
    return f"the warm-up request for {target}"
