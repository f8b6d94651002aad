"""What others wrote to speak HTTP/2: nghttp, h2load and curl, in the clear and over TLS."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http2.conftest import serve_streams
from tests.kit.certificates import write_certificate

SIZE = 300_000
COUNTED = json.dumps({"size": SIZE, "trailers": []}).encode()


def needs(tool: str) -> pytest.MarkDecorator:
    """Leave a test out where its client is missing."""
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


@pytest.fixture(scope="module", params=["asgi", "asgi over TLS", "wsgi", "wsgi over TLS"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in the clear, or with a certificate that no client knows."""
    mode, _, tls = request.param.partition(" over ")
    files = write_certificate(tmp_path_factory.mktemp("certificate"))
    with serve_streams(mode, *(files.options if tls else ())) as server:
        yield server.url.replace("http", "https" if tls else "http", 1)


def run(*command: str) -> bytes:
    """What a client writes; AssertionError if it ends with an error."""
    ran = subprocess.run(command, capture_output=True, timeout=50, check=False)
    assert ran.returncode == 0, ran.stdout.decode()[-4000:] + ran.stderr.decode()[-4000:]
    return ran.stdout


@needs("nghttp")
def test_nghttp(url: str, tmp_path: Path) -> None:
    """Ten bodies up on one connection, and ten down."""
    (tmp_path / "body").write_bytes(bytes(SIZE))
    ten = ("nghttp", "--no-verify-peer", "--multiply", "10")
    assert run(*ten, "--data", str(tmp_path / "body"), f"{url}/count") == COUNTED * 10
    assert run(*ten, f"{url}/large?{SIZE}") == b"y" * SIZE * 10


@needs("h2load")
def test_h2load(url: str) -> None:
    """4,000 requests over 8 connections of 32 streams, and not one fails."""
    said = run("h2load", "-n", "4000", "-c", "8", "-m", "32", f"{url}/large?100").decode()
    assert "4000 succeeded, 0 failed, 0 errored, 0 timeout" in said, said
    assert "status codes: 4000 2xx, 0 3xx, 0 4xx, 0 5xx" in said, said
    assert "Application protocol: h2" in said, said


@needs("curl")
def test_curl(url: str, tmp_path: Path) -> None:
    """A body up and one down: as agreed over TLS, with prior knowledge in the clear."""
    (tmp_path / "body").write_bytes(bytes(SIZE))
    how = "--http2" if url.startswith("https") else "--http2-prior-knowledge"
    curl = ("curl", "-sS", "--insecure", how, "--write-out", " %{http_version} %{http_code}")
    up = ("--data-binary", f"@{tmp_path / 'body'}", f"{url}/count")
    assert run(*curl, *up) == COUNTED + b" 2 200"
    assert run(*curl, f"{url}/large?{SIZE}") == b"y" * SIZE + b" 2 200"


@needs("curl")
def test_curl_that_asks_for_an_upgrade(url: str) -> None:
    """The old way from HTTP/1.1 is not spoken: the request is answered as it came."""
    curl = ("curl", "-sS", "--insecure", "--http2", "--write-out", " %{http_version}")
    spoken = b"2" if url.startswith("https") else b"1.1"
    assert run(*curl, f"{url}/large?3") == b"yyy " + spoken
