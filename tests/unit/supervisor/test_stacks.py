"""What a worker has written for its supervisor to show."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tricorn.supervisor.stacks import Stacks


@pytest.fixture
def stacks() -> Iterator[Stacks]:
    stacks = Stacks()
    yield stacks
    stacks.close()


def test_text(stacks: Stacks) -> None:
    os.write(stacks.tasks, b"task 1\n")
    assert stacks.text() == "task 1"


def test_a_file_without_end(stacks: Stacks) -> None:
    """The supervisor has not the memory that a worker gives its file."""
    os.write(stacks.tasks, b"task 1\n")
    os.ftruncate(stacks.tasks, 1 << 26)
    text = stacks.text()
    assert text.startswith("task 1")
    assert text.endswith("(and more)")
    assert len(text) < 1 << 21
