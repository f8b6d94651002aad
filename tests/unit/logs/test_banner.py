"""The line that says the server serves."""

from __future__ import annotations

import os
import platform
import re

import pytest

from tricorn.logs.banner import Banner


def test_names_all_there_is_to_know() -> None:
    addresses = ["http://127.0.0.1:8000", "unix:/run/app.sock"]
    text = Banner("main:app", "asgi", addresses, "uvloop").text()
    assert text == (
        "tricorn: serving main:app (ASGI 3) on http://127.0.0.1:8000, unix:/run/app.sock "
        f"(uvloop, Python {platform.python_version()}, pid {os.getpid()})"
    )


@pytest.mark.parametrize(
    ("interface", "shown"), [("asgi", "ASGI 3"), ("asgi2", "ASGI 2"), ("wsgi", "WSGI")]
)
def test_interface(interface: str, shown: str) -> None:
    assert f"({shown})" in Banner("main:app", interface, ["unix:x"], "8 threads").text()


def test_a_test_kit_finds_the_port() -> None:
    text = Banner("main:app", "wsgi", ["http://[::1]:49152"], "1 thread").text()
    found = re.search(r"http://(\S+):(\d+)", text)
    assert found and found.groups() == ("[::1]", "49152")
