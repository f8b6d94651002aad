"""Measure the memory of idle WebSockets: ``python bench/websocket_memory.py [--connections N]``.

Prints for each way of compressing what the server process has grown by, for each connection: after
the handshakes, and after each connection has echoed one message; and the same for what the
application holds by itself, which is measured with as many tasks that wait for a future.
"""

from __future__ import annotations

import argparse
import base64
import re
import resource
import socket
import subprocess
import sys
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEY = base64.b64encode(bytes(16)).decode()
MESSAGE = b"one message of a client, as long as many are: " * 8


def handshake(port: int, extensions: str) -> bytes:
    """A request for a WebSocket."""
    return (
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
        f"{extensions}\r\n"
    ).encode()


def frame(is_compressed: bool) -> bytes:
    """The message, with a mask of zeros."""
    body, bits = MESSAGE, 0x81
    if is_compressed:
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        body, bits = (deflate.compress(body) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4], 0xC1
    head = bytes([bits, 0x80 | len(body)]) if len(body) < 126 else b""
    return (head or bytes([bits, 0xFE]) + len(body).to_bytes(2)) + bytes(4) + body


def own_memory(pid: int) -> int:
    """Bytes of anonymous memory."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss_Anon:\s+(\d+) kB", text, re.MULTILINE)
    assert found is not None, "this kernel does not report Pss_Anon"
    return int(found[1]) * 1024


def ask(address: tuple[str, int], target: str) -> None:
    """One request over HTTP."""
    with socket.create_connection(address, timeout=60) as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b" 204 " in sock.recv(4096)


def open_all(address: tuple[str, int], count: int, extensions: str) -> list[socket.socket]:
    """So many WebSockets."""
    opened = []
    for _ in range(count):
        sock = socket.create_connection(address, timeout=60)
        sock.sendall(handshake(address[1], extensions))
        assert b" 101 " in sock.recv(4096)
        opened.append(sock)
    return opened


def echo_all(opened: list[socket.socket], is_compressed: bool) -> None:
    """One message on each."""
    message = frame(is_compressed)
    for sock in opened:
        sock.sendall(message)
        assert sock.recv(4096)


def start(options: list[str]) -> tuple[subprocess.Popen[str], tuple[str, int]]:
    """A server, and where it listens."""
    command = [sys.executable, "-m", "tricorn", "websocket_memory_app:app", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--lifespan", "off", *options],
        cwd=HERE / "apps",
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    found = re.search(r"http://([0-9.]+):(\d+)", process.stderr.readline())
    assert found is not None, "the server did not start"
    return process, (found[1], int(found[2]))


def measure(name: str, count: int, options: list[str], extensions: str) -> None:
    """Print one line."""
    process, address = start(options)
    try:
        for sock in open_all(address, 100, extensions):  # what is made once
            sock.close()
        empty = own_memory(process.pid)
        opened = open_all(address, count, extensions)
        idle = own_memory(process.pid)
        echo_all(opened, bool(extensions))
        used = own_memory(process.pid)
        print(f"{name:40} {(idle - empty) / count:8.0f} {(used - empty) / count:8.0f}", flush=True)
        for sock in opened:
            sock.close()
    finally:
        process.terminate()
        process.wait(30)


def measure_application(count: int) -> None:
    """Print what tasks with a scope cost that have no connection."""
    process, address = start([])
    try:
        ask(address, "/?1")
        empty = own_memory(process.pid)
        ask(address, f"/?{count}")
        grown = (own_memory(process.pid) - empty) / count
        print(f"{'as many tasks without a connection':40} {grown:8.0f}", flush=True)
    finally:
        process.kill()
        process.wait(30)


def main() -> None:
    """Measure each way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--connections", type=int, default=10_000)
    count = parser.parse_args().connections
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"bytes for each of {count} connections: {'idle':>11} {'used':>8}")
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    measure("without compression", count, [], "")
    measure("compressed, context takeover", count, [], offer)
    measure("compressed, no context takeover", count, ["--no-ws-context-takeover"], offer)
    measure_application(count)


if __name__ == "__main__":
    main()
