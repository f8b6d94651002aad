"""Prints the page on a supervisor's signals, made from their table."""

from __future__ import annotations

from collections.abc import Iterator

from tricorn.supervisor.signals import TABLE


def page() -> str:
    """The page as Markdown."""
    return "\n".join([*_HEAD, *_rows(), ""])


_HEAD = (
    "# Signals to a supervisor",
    "",
    "With `--workers`, signals go to the supervisor: the process that was started, whose number is",
    "in the line `serving …` of the start. [Workers](../guide/workers.md) says more.",
    "",
    "| Signal | What happens |",
    "| --- | --- |",
)


def _rows() -> Iterator[str]:
    for number, meaning in TABLE.items():
        yield f"| {number.name} | {meaning.help} |"


if __name__ == "__main__":
    print(page(), end="")
