"""h2spec, by which servers of HTTP/2 are judged: every case, over TLS and over cleartext."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import serve_echo
from tests.kit.certificates import write_certificate
from tests.kit.process import ROOT

H2SPEC = ROOT / ".tools" / "h2spec"
CASES = 145


@pytest.fixture(scope="module")
def tls_options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """A certificate for localhost."""
    yield write_certificate(tmp_path_factory.mktemp("certificate")).options


@pytest.mark.skipif(not H2SPEC.exists(), reason="h2spec is not built: install Go, then `make test`")
@pytest.mark.parametrize("mode", ["asgi", "wsgi", "wsgi inline"])
@pytest.mark.parametrize("over", ["TLS", "cleartext"])
def test_h2spec(mode: str, over: str, tls_options: tuple[str, ...]) -> None:
    """Every case passes, on an application that reads what it is sent.

    In cleartext on a server that speaks nothing else: to one that does, the greeting that h2spec
    spoils is a request of HTTP/1.1, and it is told in that language what is wrong with it.
    """
    options, more = (tls_options, ("-t", "-k")) if over == "TLS" else (("--http2", "only"), ())
    with serve_echo(mode, *options) as echo:
        assert not isinstance(echo.tcp, Path)
        host, port = echo.tcp
        command = [str(H2SPEC), "-h", host, "-p", str(port), "-o", "2", *more]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    said = re.search(r"(\d+) tests, (\d+) passed", ran.stdout)
    assert said is not None, ran.stdout + ran.stderr
    assert (int(said[1]), int(said[2])) == (CASES, CASES), ran.stdout.partition("Failures:")[2]
