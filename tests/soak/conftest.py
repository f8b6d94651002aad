"""What the long tests have counted, as one table after them."""

from __future__ import annotations

import pytest

Row = dict[str, int | float | str]
ROWS: list[Row] = []


@pytest.fixture
def count() -> list[Row]:
    """``count.append({"storm": "reload", "requests": 1})``: a row of the table."""
    return ROWS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the rows and the sums of what they have in common."""
    if not ROWS:
        return
    names = list(dict.fromkeys(name for row in ROWS for name in row))
    sums: Row = {names[0]: "all together"}
    for name in names[1:]:
        numbers = [value for row in ROWS if isinstance(value := row.get(name), int)]
        sums[name] = sum(numbers) if numbers else ""
    terminalreporter.section("counts")
    lines = [[shown(row.get(name, "")) for name in names] for row in [*ROWS, sums]]
    widths = [max(map(len, column)) for column in zip(names, *lines, strict=True)]
    for line in [names, *lines]:
        cells = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        terminalreporter.write_line("  ".join(cells))


def shown(value: int | float | str) -> str:
    """A number with its thousands set apart, seconds with two digits."""
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"
