"""What the programs that run a load generator share."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HEADER = re.compile(r'wrk\.headers\["([^"]+)"\] = "([^"]+)"')


def headers() -> list[str]:
    """What wrk sends with a GET, as options `-H`, so that all generators send the same."""
    lines = Path(__file__).with_name("load.lua").read_text()
    found = dict(HEADER.findall(lines))
    del found["Content-Type"]  # of requests with a body
    return [part for name, value in found.items() for part in ("-H", f"{name}: {value}")]


def run(command: list[str]) -> str:
    """What the generator prints; if it fails, so does this program, with that."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout
