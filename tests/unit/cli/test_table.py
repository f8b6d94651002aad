"""Answers as text for people."""

from __future__ import annotations

from typing import Any

import pytest

from tricorn.cli.table import render


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, ""),
        ({"last_reload": "", "pid": 1}, "last reload  -\npid          1"),
        ({"a": 1, "long_name": None}, "a          1\nlong name  -"),
        ({"on": True, "off": False, "part": 0.25}, "on    yes\noff   no\npart  0.25"),
        ({"age": 3.14}, "age  3.1s"),
        ({"uptime": 61.0}, "uptime  1m 1s"),
        ({"uptime": 60}, "uptime  1m"),
        ({"uptime": 90061}, "uptime  1d 1h"),
        ({"memory": 1536 * 1024}, "memory  1.5 MiB"),
        ({"names": ["a", "b"]}, "names  a, b"),
        ({"names": []}, "names"),
        ({"lines": ["x" * 50, "y" * 50]}, f"lines\n  {'x' * 50}\n  {'y' * 50}"),
        ({"text": "one\n two\n"}, "text\n  one\n   two"),
        ({"nested": {"a": 1}}, "nested\n  a  1"),
        ({"rows": [{"a": 1}, {"b": "x"}]}, "rows\n  a  b\n  1\n     x"),
        (
            {"rows": [{"a": 1, "stack": "f\ng"}, {"a": 2, "stack": "h\ni"}]},
            "rows\n  a  1\n\n  stack\n    f\n    g\n\n  a  2\n\n  stack\n    h\n    i",
        ),
        ({"a": 1, "text": "x\ny", "b": 2}, "a  1\nb  2\n\ntext\n  x\n  y"),
    ],
)
def test_render(data: dict[str, Any], text: str) -> None:
    assert render(data) == text


def test_nothing_moves_the_cursor() -> None:
    shown = render({"path": "/\x1b[2J\r", "k\ney": 1, "rows": [{"a": "\x07"}], "text": "\x9b\n"})
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
