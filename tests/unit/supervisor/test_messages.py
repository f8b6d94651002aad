"""What workers say arrives whole, whatever else is written to the pipe."""

from __future__ import annotations

import os

from tricorn.supervisor.messages import Failed, Logged, Message, Outbox, Post, Ready


def drain(post: Post) -> tuple[list[Message], bool]:
    """Everything there is."""
    messages, ended = post.read()
    return messages, ended


def test_messages_arrive_in_order_and_the_end_is_seen() -> None:
    read, write = os.pipe()
    post = Post(read, os.open(os.devnull, os.O_WRONLY))
    assert drain(post) == ([], False)
    outbox = Outbox(write)
    outbox.ready("main:app", "asgi", "uvloop")
    outbox.failed(3, "start-up failed:\nno database")
    assert drain(post) == (
        [Ready("main:app", "asgi", "uvloop"), Failed(3, "start-up failed:\nno database")],
        False,
    )
    os.close(write)
    assert drain(post) == ([], True)
    post.close()


def test_a_message_in_pieces() -> None:
    read, write = os.pipe()
    post = Post(read, os.open(os.devnull, os.O_WRONLY))
    line = b'{"kind": "ready", "name": "a", "interface": "wsgi", "detail": "8 threads"}\n'
    for byte in line[:-1]:
        os.write(write, bytes([byte]))
        assert drain(post) == ([], False)
    os.write(write, line[-1:])
    assert drain(post) == ([Ready("a", "wsgi", "8 threads")], False)
    os.close(write)
    post.close()


def test_noise_is_passed_over() -> None:
    read, write = os.pipe()
    post = Post(read, os.open(os.devnull, os.O_WRONLY))
    noise = [
        b"\xff\n",
        b"[]\n",
        b"{}\n",
        b'{"kind": "ready"}\n',
        b'{"kind": "x", "a": 1}\n',
        b"1\n",
    ]
    os.write(write, b"".join(noise))
    Outbox(write).failed(1, "so")
    assert drain(post) == ([Failed(1, "so")], False)
    os.close(write)
    post.close()


def test_a_supervisor_that_has_gone_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    Outbox(write).failed(1, "nobody listens")
    os.close(write)


def test_lines_of_the_log_arrive() -> None:
    read, write = os.pipe()
    post = Post(read, os.open(os.devnull, os.O_WRONLY))
    long = "\x00\U0001f600\ud800" * 400
    Outbox(write).logged(f"one\n{long}\ntwo")
    assert drain(post) == ([Logged("one"), Logged(long[:600]), Logged("two")], False)
    os.close(write)
    post.close()


def test_a_log_never_waits_for_the_supervisor() -> None:
    """A worker that logs must not hang because its supervisor does."""
    read, write = os.pipe()
    post = Post(read, os.open(os.devnull, os.O_WRONLY))
    for number in range(1000):
        Outbox(write).logged(f"{number:600}")
    messages, _ = drain(post)
    assert 10 < len(messages) < 1000
    os.close(write)
    post.close()
