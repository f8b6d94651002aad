"""A raw HTTP/1.1 client for transfers that the load generator cannot do."""

from __future__ import annotations

import re
import socket
import subprocess

CHUNK = 1024 * 1024  # bytes
TEMPLATE = "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n"
REQUEST = TEMPLATE.format("/").encode()
TIMEOUT = 20.0  # seconds without a byte from the server


class AnswerError(Exception):
    """The server's answer is not the one the application gave."""


def connect(port: int) -> socket.socket:
    """A connection to the server on this machine."""
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)


def ask(client: socket.socket, target: str = "/") -> None:
    """Sends one GET and takes its answer, which must be small.

    Raises:
        AnswerError: the status is not 200.
    """
    client.sendall(TEMPLATE.format(target).encode())
    if not client.recv(4096).startswith(b"HTTP/1.1 200"):
        raise AnswerError("no answer with status 200")


def ask_http2(port: int, path: str, answer: bytes) -> None:
    """One GET by curl, which begins with HTTP/2 at once.

    Raises:
        AnswerError: another protocol, status or body.
    """
    done = subprocess.run(
        [
            *("curl", "--silent", "--http2-prior-knowledge", "--max-time", f"{TIMEOUT}"),
            *("--write-out", "%{stderr}%{http_version} %{http_code}"),
            f"http://127.0.0.1:{port}{path}",
        ],
        capture_output=True,
        check=False,
    )
    if done.stderr != b"2 200" or done.stdout != answer:
        raise AnswerError(f"version and status {done.stderr!r}: {done.stdout[:80]!r}")


def send_body(port: int, size: int) -> None:
    """Uploads `size` bytes, a multiple of CHUNK, in one request.

    Raises:
        AnswerError: the application did not count as many.
    """
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n"
    chunk = bytes(CHUNK)
    with connect(port) as client:
        client.sendall(head.encode())
        for _ in range(size // CHUNK):
            client.sendall(chunk)
        _, body, _ = _receive_head(client)
        while len(body) < len(str(size)) and (more := client.recv(4096)):
            body += more
    if body != str(size).encode():
        raise AnswerError(f"of {size} bytes sent, the application counted {body[:80]!r}")


def receive_body(port: int, size: int) -> None:
    """Downloads `size` bytes and throws them away.

    Raises:
        AnswerError: another status or length, or an early end.
    """
    buffer = bytearray(CHUNK)
    with connect(port) as client:
        client.sendall(REQUEST)
        status, body, length = _receive_head(client)
        if status != 200 or length != size:
            raise AnswerError(f"status {status}, {length} bytes instead of {size}")
        left = size - len(body)
        while left:
            # MSG_TRUNC: the kernel drops the bytes instead of copying them (tcp(7)).
            count = client.recv_into(buffer, min(left, CHUNK), socket.MSG_TRUNC)
            if not count:
                raise AnswerError(f"the response ended {left} bytes early")
            left -= count


def _receive_head(client: socket.socket) -> tuple[int, bytes, int]:
    """The status, what came of the body, and its announced length (-1: not announced)."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = client.recv(4096)
        if not more:
            raise AnswerError("the connection was closed instead of an answer")
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"^content-length: *(\d+)", head, re.MULTILINE | re.IGNORECASE)
    return int(head.split()[1]), body, int(length[1]) if length else -1
