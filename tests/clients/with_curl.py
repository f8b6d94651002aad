"""curl, over HTTP/1.1 and HTTP/2: a command for each row, since its connections end with it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import tempfile
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from tests.clients.bodies import Digest, pieces
from tests.clients.program import Facts, answer_rows, told

WRITTEN = '{"status":"%{http_code}","error":%{exitcode}}\n'
"""What it says of each transfer, on stderr to be apart from the bodies …"""
SAID = re.compile(rb'\{"status":"(\d+)","error":(\d+)\}')
"""… where it shows progress too."""
CONTINUE = re.compile(rb"^< HTTP/\S+ 100 ", re.MULTILINE)
"""A head that it shows there."""

Ran = subprocess.CompletedProcess[bytes]


class Rows:
    """What it does for each row."""

    def __init__(self, options: dict[str, Any], directory: Path) -> None:
        over = "--http2-prior-knowledge" if options["http"] == "2" else "--http1.1"
        if options["ca"] and options["http"] == "2":
            over = "--http2"
        trusted = ("--cacert", options["ca"]) if options["ca"] else ()
        self.each = ("--silent", "--noproxy", "*", over, *trusted)
        self.waits = options["http"] == "1.1"
        self.file = directory / "body"
        self.out = directory / "out"

    def reuse(self, url: str, times: int) -> Facts:
        ran = self._run(*self._one(*[f"{url}/who"] * times))
        return {"answers": [json.loads(part + b"}") for part in ran.stdout.split(b"}")[:-1]]}

    def upload(self, url: str, size: int, framing: str) -> Facts:
        ran = self._run(*self._one(*self._body(size, framing), url), stdin=self.file)
        return {"status": self._said(ran)[0]["status"], "answer": json.loads(ran.stdout)}

    def refused(self, url: str, size: int, framing: str, times: int) -> Facts:
        """The upload and the next request are one command, so that both have one pool."""
        tries = []
        for _ in range(times):
            upload = self._one(*self._body(size, framing), url)
            following = self._one(urljoin(url, "/who"))
            tries.append(self._said(self._run(*upload, "--next", *following, stdin=self.file)))
        return {
            "statuses": [one["status"] if not one["error"] else str(one) for one, _ in tries],
            "next": [one["status"] for _, one in tries],
        }

    def expect(self, url: str, size: int) -> Facts:
        """Over HTTP/1.1 it waits for 100 before it sends the body, for 30 s here."""
        wait = ("--expect100-timeout", "30", "--header", "Expect: 100-continue", "--verbose")
        upload = (*wait, *self._body(size, "length"))
        accepted = self._run(*self._one(*upload, f"{url}/digest"), stdin=self.file)
        refused = self._run(*self._one(*upload, f"{url}/refused"), stdin=self.file)
        facts = {"answer": json.loads(accepted.stdout), "refused": self._said(refused)[0]["status"]}
        if self.waits:
            needlessly = CONTINUE.search(refused.stderr)
            facts["continued"] = bool(CONTINUE.search(accepted.stderr)) and not needlessly
        return facts

    def trailers(self, url: str, size: int) -> Facts:
        """It shows those of an answer and sends none."""
        shown = ("--header", "TE: trailers", "--dump-header", str(self.out))
        upload = self._one(*self._body(size, "length"), *shown, f"{url}/digest")
        ran = self._run(*upload, stdin=self.file)
        fields = [line.split(": ", 1) for line in self.out.read_text().splitlines() if ": " in line]
        return {"answer": json.loads(ran.stdout), "got": dict(fields).get("x-digest")}

    def download(self, url: str) -> Facts:
        return self._downloads([url])[0]

    def parallel(self, urls: list[str]) -> Facts:
        return {"answers": self._downloads(urls)}

    def cancel(self, url: str, size: int, after: int, times: int) -> Facts:
        """It gives up an answer that is longer than it was told to take, when it sees its head."""
        given_up = self._one("--max-filesize", str(after), f"{url}/sized?{size}")
        following = self._one(f"{url}/who")
        statuses = []
        for _ in range(times):
            first, second = self._said(self._run(*given_up, "--next", *following))
            assert first["error"] == 63, first
            statuses.append(second["status"])
        return {"next": statuses}

    def _downloads(self, urls: list[str]) -> list[Facts]:
        files = [self.out.with_suffix(f".{number}") for number, _ in enumerate(urls)]
        given = [(url, "--output", str(file)) for url, file in zip(urls, files, strict=True)]
        ran = self._run("--parallel", "--parallel-max", "20", *self._one(*chain(*given)))
        assert ran.returncode == 0, ran.stderr
        return [taken(file) for file in files]

    def _one(self, *options: str) -> tuple[str, ...]:
        return (*self.each, "--max-time", "120", "--write-out", f"%{{stderr}}{WRITTEN}", *options)

    def _body(self, size: int, framing: str) -> tuple[str, ...]:
        """A file has a length; a pipe has none, and is sent while it is read."""
        if not self.file.exists() or self.file.stat().st_size != size:
            self.file.write_bytes(b"".join(pieces(size)))
        source = str(self.file) if framing == "length" else "."
        return ("--request", "POST", "--upload-file", source, "--header", "Expect:")

    def _run(self, *command: str, stdin: Path | None = None) -> Ran:
        with (stdin or Path("/dev/null")).open("rb") as source:
            return subprocess.run(
                ["curl", *command], stdin=source, capture_output=True, check=False
            )

    def _said(self, ran: Ran) -> list[dict[str, int]]:
        return [{"status": int(one[1]), "error": int(one[2])} for one in SAID.finditer(ran.stderr)]


def taken(file: Path) -> Facts:
    """The size and digest of a file, which is removed."""
    digest = Digest()
    with file.open("rb") as source:
        while piece := source.read(65536):
            digest.add(piece)
    file.unlink()
    return digest.said()


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(answer_rows(Rows(told(), Path(directory))))


if __name__ == "__main__":
    main()
