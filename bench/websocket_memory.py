"""Measure the memory of idle WebSockets: ``python bench/websocket_memory.py [--connections N]``.

Prints for each way of compressing what the server process has grown by, for each connection: after
the handshakes, and after each connection has echoed one message; and the same for what the
application holds by itself, which is measured with as many tasks that wait for a future.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import crowd
import install
from client import ask, connect
from process import Process, free_port, running

APPS = Path(__file__).parent / "apps"
MESSAGE = b"one message of a client, as long as many are: " * 8
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"


def frame(is_compressed: bool) -> bytes:
    """The message from a client."""
    if not is_compressed:
        return crowd.head(len(MESSAGE), masked=True) + MESSAGE
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = (deflate.compress(MESSAGE) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    head = crowd.head(len(body), masked=True)
    return bytes([head[0] | 0x40]) + head[1:] + body


@contextmanager
def started(*options: str) -> Iterator[Process]:
    """A server, while the block runs."""
    port = free_port()
    command = [sys.executable, "-m", "tricorn", "websocket_apps:echo", "--port", f"{port}"]
    environment = {**os.environ, "PYTHONPATH": f"{APPS}"}
    cores = ",".join(map(str, range(os.cpu_count() or 1)))
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "output.log"
        with running([*command, *options], port, cores, environment, output) as process:
            yield process


def measure(name: str, count: int, options: list[str], extensions: bytes) -> None:
    """Print one line."""
    with started(*options) as process, ExitStack() as clients:
        for _ in range(100):  # what is made once
            crowd.connect(process.port, extensions).close()
        empty = process.memory()
        opened = [
            clients.enter_context(crowd.connect(process.port, extensions)) for _ in range(count)
        ]
        idle = process.memory()
        message = frame(bool(extensions))
        for client in opened:
            client.sendall(message)
            assert client.recv(4096)
        used = process.memory()
    print(f"{name:40} {(idle - empty) / count:8.0f} {(used - empty) / count:8.0f}", flush=True)


def measure_application(count: int) -> None:
    """Print what tasks with a scope cost that have no connection."""
    with started() as process, connect(process.port) as client:
        ask(client, "/?1")
        empty = process.memory()
        ask(client, f"/?{count}")
        grown = (process.memory() - empty) / count
    print(f"{'as many tasks without a connection':40} {grown:8.0f}", flush=True)


def main() -> None:
    """Measure each way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--connections", type=int, default=10_000)
    count = parser.parse_args().connections
    install.raise_limits()
    print(f"bytes for each of {count} connections: {'idle':>11} {'used':>8}")
    measure("without compression", count, [], b"")
    measure("compressed, context takeover", count, [], OFFER)
    measure("compressed, no context takeover", count, ["--no-ws-context-takeover"], OFFER)
    measure_application(count)


if __name__ == "__main__":
    main()
