"""The grammar of APP."""

from __future__ import annotations

import pytest

from tricorn.errors import AppError
from tricorn.worker.target import Target, parse_target

ACCEPTED = [
    ("main", Target("main", None, False)),
    ("main:app", Target("main", "app", False)),
    ("pkg.sub.main:site.app", Target("pkg.sub.main", "site.app", False)),
    ("main:create()", Target("main", "create", True)),
    ("main:Factory.make()", Target("main", "Factory.make", True)),
    ("größe:äpp", Target("größe", "äpp", False)),
    (" main:app ", Target("main", "app", False)),
]

REFUSED = [
    ("main.py:app", "Did you mean main:app?"),
    ("main.py", "Did you mean main:app?"),
    ("./main.py:create()", r"Did you mean main:create\(\)?"),
    ("src/site/main.py:app", r"Did you mean src\.site\.main:app?"),
    ("src/main:app", r"Did you mean src\.main:app?"),
    ("main:", "no name after the colon, as in main:app"),
    ("main:()", "no name after the colon"),
    ("main:create(1)", "called without arguments"),
    ("main:create(debug=True)", "called without arguments"),
    ("main:a b", "not the name of an attribute"),
    ("main:app:x", "not the name of an attribute"),
    ("main:app.", "not the name of an attribute"),
    ("my-app:app", "not the name of a module"),
    (":app", "not the name of a module"),
    ("", "not the name of a module"),
    ("../main:app", "not the name of a module"),
    ("1main:app", "not the name of a module"),
]


@pytest.mark.parametrize(("text", "target"), ACCEPTED)
def test_accepts(text: str, target: Target) -> None:
    assert parse_target(text) == target
    assert str(target) == text.strip()


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_refuses(text: str, reason: str) -> None:
    with pytest.raises(AppError, match=reason) as error:
        parse_target(text)
    assert f'"{text}"' in str(error.value)
