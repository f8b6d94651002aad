"""How much memory a process costs: its own, and its share of what it has in common with others."""

from __future__ import annotations

from pathlib import Path


def pss(pid: int) -> int | None:
    """The proportional set size in bytes (proc(5), smaps_rollup); None where it is not told."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return None
