"""Each kind of value: what it takes, what it refuses, and that what it shows it also reads."""

from __future__ import annotations

import pytest

from tricorn.config.kinds import KINDS

ACCEPTED = [
    ("int", "8", 8),
    ("int", " 8 ", 8),
    ("int", "-1", -1),
    ("int", 8, 8),
    ("Seconds", "30", 30.0),
    ("Seconds", "0.5", 0.5),
    ("Seconds", ".5", 0.5),
    ("Seconds", "500ms", 0.5),
    ("Seconds", "2m", 120.0),
    ("Seconds", "1h", 3600.0),
    ("Seconds", "10 s", 10.0),
    ("Seconds", 3, 3.0),
    ("Seconds", 1.5, 1.5),
    ("Size", "0", 0),
    ("Size", "65536", 65536),
    ("Size", "64KiB", 65536),
    ("Size", "64 kib", 65536),
    ("Size", "1MB", 1_000_000),
    ("Size", "1MiB", 1_048_576),
    ("Size", "4k", 4096),
    ("Size", "1g", 1024**3),
    ("Size", "12B", 12),
    ("Size", 4096, 4096),
    ("bool", "true", True),
    ("bool", "OFF", False),
    ("bool", "1", True),
    ("bool", "no", False),
    ("bool", True, True),
    ("str", "x", "x"),
    ("str", "", ""),
    ("str | None", None, None),
    ("str | None", "x", "x"),
    ("tuple[str, ...]", "a,b", ("a", "b")),
    ("tuple[str, ...]", "a , b", ("a", "b")),
    ("tuple[str, ...]", ["a, b"], ("a, b",)),
    ("tuple[str, ...]", ("a",), ("a",)),
    ("tuple[str, ...]", [], ()),
    ("Mode | None", "660", 0o660),
    ("Mode | None", "0o660", 0o660),
    ("Mode | None", "0660", 0o660),
    ("Mode | None", 0o660, 0o660),
    ("Mode | None", None, None),
]

REFUSED = [
    ("int", "eight"),
    ("int", "1_000"),
    ("int", "1.0"),
    ("int", "٣"),
    ("int", True),
    ("int", 1.0),
    ("Seconds", "2x"),
    ("Seconds", "-1"),
    ("Seconds", -1),
    ("Seconds", ""),
    ("Seconds", "1e3"),
    ("Seconds", float("nan")),
    ("Seconds", float("inf")),
    ("Seconds", True),
    ("Size", "64Kib0"),
    ("Size", "1.5MB"),
    ("Size", "5i"),
    ("Size", "-1"),
    ("Size", -1),
    ("Size", False),
    ("bool", "maybe"),
    ("bool", 1),
    ("str", 8),
    ("tuple[str, ...]", "a,,b"),
    ("tuple[str, ...]", [1]),
    ("tuple[str, ...]", 1),
    ("Mode | None", "888"),
    ("Mode | None", "7777"),
    ("Mode | None", 0o1777),
    ("Mode | None", True),
]

SHOWN = [
    ("Seconds", 5.0, "5s"),
    ("Seconds", 0.25, "250ms"),
    ("Seconds", 0.0, "0s"),
    ("Size", 65536, "64KiB"),
    ("Size", 2 * 1024 * 1024, "2MiB"),
    ("Size", 1000, "1000"),
    ("Size", 0, "0"),
    ("bool", False, "false"),
    ("str", "", '""'),
    ("str | None", None, "none"),
    ("tuple[str, ...]", (), "none"),
    ("tuple[str, ...]", ("a", "b"), "a, b"),
    ("Mode | None", 0o600, "600"),
    ("Mode | None", 0o007, "007"),
    ("Mode | None", None, "none"),
]


@pytest.mark.parametrize(("kind", "raw", "value"), ACCEPTED)
def test_accepts(kind: str, raw: object, value: object) -> None:
    converted = KINDS[kind].convert(raw)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(("kind", "raw"), REFUSED)
def test_refuses(kind: str, raw: object) -> None:
    with pytest.raises(ValueError, match=r"^is not "):
        KINDS[kind].convert(raw)


@pytest.mark.parametrize(
    ("kind", "most", "more"),
    [
        ("Seconds", "8760h", "8761h"),
        ("Seconds", 31536000, "9" * 400),
        ("Seconds", 31536000.0, 31536001),
        ("Size", "8388608g", "8388609g"),
        ("Size", 2**53, 2**53 + 1),
    ],
)
def test_what_the_core_could_not_hold(kind: str, most: object, more: object) -> None:
    KINDS[kind].convert(most)
    with pytest.raises(ValueError, match=r"^is too large; the most is "):
        KINDS[kind].convert(more)


@pytest.mark.parametrize(("kind", "value", "text"), SHOWN)
def test_shows(kind: str, value: object, text: str) -> None:
    assert KINDS[kind].show(value) == text


@pytest.mark.parametrize(
    ("kind", "value", "text"), [row for row in SHOWN if row[2] not in ("none", '""')]
)
def test_reads_what_it_shows(kind: str, value: object, text: str) -> None:
    assert KINDS[kind].convert(text) == value
