"""The line that says the server serves."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata

import pytest

from tricorn.logs.banner import Banner, at_most, stopping


def test_names_all_there_is_to_know() -> None:
    addresses = ["http://127.0.0.1:8000", "unix:/run/app.sock"]
    text = Banner("main:app", "asgi", addresses, "uvloop", 0.25).text()
    assert text == (
        "tricorn: serving main:app (ASGI 3) on http://127.0.0.1:8000, unix:/run/app.sock "
        f"(uvloop, Python {platform.python_version()}, pid {os.getpid()})"
    )


def test_in_the_error_log_it_has_the_time_it_took_and_the_version() -> None:
    message = Banner("main:app", "wsgi", ["http://127.0.0.1:1"], "8 threads", 0.254).message()
    assert message == (
        "serving main:app (WSGI) on http://127.0.0.1:1 "
        f"(8 threads, Python {platform.python_version()}, started in 0.25 s, "
        f"Tricorn {metadata.version('tricorn')})"
    )


@pytest.mark.parametrize(
    ("in_flight", "is_typed", "said"),
    [
        (0, False, "stopping (SIGTERM): no request is in flight"),
        (0, True, "stopping (SIGINT): no request is in flight"),
        (1, False, "stopping (SIGTERM): 1 request is in flight, 30 s at most"),
        (
            2,
            True,
            "stopping (SIGINT): 2 requests are in flight, 30 s at most; press Ctrl-C again to quit",
        ),
    ],
)
def test_the_stop(in_flight: int, is_typed: bool, said: str) -> None:
    cause = "SIGINT" if is_typed else "SIGTERM"
    assert stopping(cause, in_flight, at_most(30.0), is_typed) == said


@pytest.mark.parametrize(
    ("interface", "shown"), [("asgi", "ASGI 3"), ("asgi2", "ASGI 2"), ("wsgi", "WSGI")]
)
def test_interface(interface: str, shown: str) -> None:
    assert f"({shown})" in Banner("main:app", interface, ["unix:x"], "8 threads", 1).text()


def test_a_test_kit_finds_the_port() -> None:
    text = Banner("main:app", "wsgi", ["http://[::1]:49152"], "1 thread", 1).text()
    found = re.search(r"http://(\S+):(\d+)", text)
    assert found and found.groups() == ("[::1]", "49152")
