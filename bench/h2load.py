"""One run of h2load with the request headers of load.lua, and its figures as a line of JSON."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import generator


def main() -> None:
    """Runs h2load for so long and prints what it saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("url")
    options = parser.parse_args()
    with tempfile.NamedTemporaryFile(prefix="h2load-") as log:
        generator.run(
            [
                *("h2load", "-t", "1", "-c", f"{options.connections}", "-m", f"{options.streams}"),
                *("-D", f"{options.seconds}", "--log-file", log.name),
                *(*generator.headers(), options.url),
            ]
        )
        rows = [line.split("\t") for line in Path(log.name).read_text().splitlines()]
    times = sorted(int(row[2]) for row in rows)
    print(json.dumps(_figures(times, sum(row[1] != "200" for row in rows), options.seconds)))


def _figures(times: list[int], refused: int, seconds: int) -> dict[str, object]:
    return {
        "requests": len(times),
        "seconds": seconds,
        "p50": times[len(times) // 2],
        "p99": times[len(times) * 99 // 100],
        "errors": {"status": refused},
    }


if __name__ == "__main__":
    main()
