"""The grammar of access log formats."""

from __future__ import annotations

import pytest

from tricorn.config.atoms import ATOMS, DEFAULT_FORMAT, check_access_format

REFUSED = [
    ("", "must be one line"),
    ("%(h)s\n", "must be one line"),
    ("%(x)s", r"unknown atom %\(x\)s"),
    ("%(hh)s", "unknown atom"),
    ("%()s", "unknown atom"),
    ("%({})i", "lone %"),
    ("%({}i)s", "unknown atom"),
    ("%({a b}i)s", "unknown atom"),
    ("%({referer}x)s", "unknown atom"),
    ("100%", "lone % at character 4"),
    ("%(h)", "lone % at character 1"),
    ("%(h)d", "lone %"),
    ("%%%", "lone % at character 3"),
    ("combined", "has no atom"),
    ("%%", "has no atom"),
]


@pytest.mark.parametrize(
    "text",
    [
        "json",
        "x %(m)s",
        "%%%(m)s",
        DEFAULT_FORMAT,
        "%({x-request-id}i)s %({content-type}o)s %({wsgi.url_scheme}e)s",
        *(f"%({atom})s" for atom in ATOMS),
    ],
)
def test_accepts(text: str) -> None:
    check_access_format(text)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_refuses(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_access_format(text)


def test_has_the_atoms_of_gunicorn() -> None:
    assert set(ATOMS) == set("hlutrmUqHsBbfaTMDLp") | {"id", "color"}
