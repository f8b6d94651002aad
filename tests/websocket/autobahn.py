"""Autobahn's fuzzing client against a real server: ``python -m tests.websocket.autobahn [CASES…]``.

``ws`` or ``wss`` among the cases leaves the other out. The suite runs on Python 2.7 only. It is
installed once, from PyPI, into ``.autobahn``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.kit import Server, serve
from tests.kit.certificates import write_certificate
from tests.kit.process import ROOT
from tests.websocket.conftest import APP

SUITE = "autobahntestsuite==25.10.1"
PLACE = ROOT / ".autobahn"
QUICK = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*")
SLOW = ("9.*", "10.*", "12.*", "13.*")
SCHEMES = ("ws", "wss")
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}
"""Cases that have no right answer: what a server does is only noted."""

RUN = (
    "import site, sys; site.addsitedir(sys.argv[1]); del sys.argv[1]\n"
    "from autobahntestsuite.wstest import run; run()"
)


def find_python() -> str | None:
    """A Python 2.7 of this machine."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(str(path) for path in pyenv.glob("versions/2.7.*/bin/python"))
    # A name on the path may be one that pyenv answers to with an error.
    return found[-1] if found else shutil.which("python2.7")


def install(python: str) -> None:
    """Install the suite, if that was not done before."""
    if (PLACE / "bin" / "wstest").exists():
        return
    shutil.rmtree(PLACE, ignore_errors=True)
    # Quiet, and without the word that Python 2.7 is old.
    options = ["--quiet", "--disable-pip-version-check", "--target", str(PLACE)]
    command = [python, "-W", "ignore", "-m", "pip", "install", *options, SUITE]
    subprocess.run(command, check=True, stderr=subprocess.PIPE)


def run(python: str, url: str, cases: tuple[str, ...], *, deadline: float) -> dict[str, str]:
    """How each case ended: the behaviour, and how the connection was closed if that is another."""
    with tempfile.TemporaryDirectory() as directory:
        spec = {
            "options": {"failByDrop": False},
            "outdir": directory,
            "servers": [{"agent": "tricorn", "url": url, "options": {"version": 18}}],
            "cases": list(cases),
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        file = Path(directory, "spec.json")
        file.write_text(json.dumps(spec))
        command = [python, "-c", RUN, str(PLACE), "-m", "fuzzingclient", "-s", str(file)]
        subprocess.run(command, check=True, timeout=deadline, cwd=directory, capture_output=True)
        report = json.loads(Path(directory, "index.json").read_text())["tricorn"]
    return {
        case: seen["behavior"] if seen["behaviorClose"] == "OK" else seen["behaviorClose"]
        for case, seen in report.items()
    }


def faults(results: dict[str, str]) -> dict[str, str]:
    """The cases that did not end as they should."""
    return {
        case: seen
        for case, seen in results.items()
        if seen != ("INFORMATIONAL" if case in INFORMATIONAL else "OK")
    }


def url_of(server: Server, scheme: str) -> str:
    """The address for a WebSocket."""
    return f"{scheme}://{server.url.partition('://')[2]}/echo"


def main(arguments: tuple[str, ...]) -> int:
    """Run the cases in the clear and over TLS; 1 if any did not end as it should."""
    cases = tuple(each for each in arguments if each not in SCHEMES) or QUICK + SLOW
    schemes = tuple(each for each in arguments if each in SCHEMES) or SCHEMES
    python = find_python()
    if python is None:
        print("Autobahn's suite needs a Python 2.7, and there is none", file=sys.stderr)
        return 2
    install(python)
    code = 0
    with tempfile.TemporaryDirectory() as directory:
        files = write_certificate(Path(directory))
        for scheme in schemes:
            options = files.options if scheme == "wss" else ()
            with serve(APP, *options, app_dir=ROOT) as server:
                results = run(python, url_of(server, scheme), cases, deadline=3 * 3600)
            print(scheme, dict(Counter(results.values())), faults(results) or "", flush=True)
            code = code or int(bool(faults(results)))
    return code


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:])))
