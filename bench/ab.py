"""One run of ApacheBench, a TLS handshake for each request, and its figures as a line of JSON.

wrk would resume its sessions, which costs a server no signature; ab begins anew each time.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import tempfile

import generator

MOST = 20_000  # requests in a second; ab wants a number beside the time


def main() -> None:
    """Runs ab for so long and prints what it saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("url")
    options = parser.parse_args()
    with tempfile.NamedTemporaryFile(prefix="ab-", mode="r") as percentiles:
        text = generator.run(
            [
                *("ab", "-q", "-t", f"{options.seconds}", "-n", f"{options.seconds * MOST}"),
                *("-c", f"{options.connections}", "-e", percentiles.name),
                *(*generator.headers(), options.url),
            ]
        )
        times = {row[0]: row[1] for row in csv.reader(percentiles)}
    print(json.dumps(_figures(text, times)))


def _figures(text: str, times: dict[str, str]) -> dict[str, object]:
    """`times` in milliseconds by percentage."""

    def said(label: str) -> float:
        found = re.search(rf"^{label}:\s+([\d.]+)", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    return {
        "requests": int(said("Complete requests")),
        "seconds": said("Time taken for tests"),
        "p50": float(times["50"]) * 1000,
        "p99": float(times["99"]) * 1000,
        "errors": {
            "failed": int(said("Failed requests")),
            "status": int(said("Non-2xx responses")),
        },
    }


if __name__ == "__main__":
    main()
