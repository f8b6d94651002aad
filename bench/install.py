"""Makes what the benchmark runs (the rivals' environment, the floor) and checks for the rest."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
RIVALS = HERE.parent / ".rivals"
REQUIREMENTS = HERE / "rivals.txt"
FLOOR = HERE / "floor"


TOOLS = {
    "wrk": "the Debian package wrk",
    "h2load": "the Debian package nghttp2-client",
    "ab": "the Debian package apache2-utils",
    "curl": "the Debian package curl",
    "openssl": "the Debian package openssl",
    "taskset": "the Debian package util-linux",
    "strace": "the Debian package strace",
    "nginx": "the Debian package nginx-light",
    "cargo": "Rust, from rustup.rs",
}


def require_tools() -> None:
    """Ends the program if a tool is missing or the machine cannot keep server and load apart."""
    missing = [f"{name} ({source})" for name, source in TOOLS.items() if not shutil.which(name)]
    if missing:
        sys.exit(f"The benchmark needs {', '.join(missing)}: not found on PATH.")
    if (os.cpu_count() or 1) < 2:
        sys.exit("The benchmark needs 2 processors: one for the server, one for the load.")


def raise_limits() -> None:
    """As many descriptors as we may have, for us and the servers: thousands of connections."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate with a key of ECDSA P-256, signed by itself; the paths of both, in PEM."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    subprocess.run(
        ["openssl", "req", "-x509", *curve, *names, "-keyout", str(key), "-out", str(cert)],
        capture_output=True,
        check=True,
    )
    return cert, key


def rivals() -> Path:
    """The environment with everything in rivals.txt; made anew when that file has changed.

    Each line is installed by itself: one that fails is printed, and its server will be reported
    as one that does not start.
    """
    stamp = RIVALS / "rivals.txt"
    wanted = REQUIREMENTS.read_text() + f"# Python {sys.version}\n"
    if stamp.exists() and stamp.read_text() == wanted:
        return RIVALS
    venv.create(RIVALS, with_pip=True, clear=True)
    for line in REQUIREMENTS.read_text().splitlines():
        if not line.startswith("#"):
            _install(line)
    stamp.write_text(wanted)
    return RIVALS


def _install(requirement: str) -> None:
    print(f"installing {requirement}", file=sys.stderr)
    pip = [str(RIVALS / "bin" / "python"), "-m", "pip", "install", "--quiet", requirement]
    if subprocess.run(pip, check=False).returncode:
        print(f"could not install {requirement}", file=sys.stderr)


def floor() -> Path:
    """The floor program, built by cargo if it is out of date."""
    subprocess.run(["cargo", "build", "--quiet", "--release"], cwd=FLOOR, check=True)
    return FLOOR / "target" / "release" / "floor"
