"""The Flask example: forms and sessions, streaming, files both ways."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import pytest

from tests.examples.conftest import Visit
from tests.kit.process import ROOT


@pytest.fixture(scope="module", params=["1", "8"])
def notes(visit: Visit, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """The notebook from its factory, with one thread and with several."""
    with visit("notes:create_app()", "examples/flask_app", "--threads", request.param) as client:
        yield client


def test_form_and_session(notes: httpx.Client) -> None:
    """A note is added through the form; the message comes by way of the session cookie."""
    page = notes.post("/", data={"text": "buy <milk> & čaj"}, follow_redirects=True)

    assert "<p>Added.</p>" in page.text
    assert "<li>buy &lt;milk&gt; &amp; čaj</li>" in page.text


def test_missing_field(notes: httpx.Client) -> None:
    """Werkzeug's own 400."""
    assert notes.post("/", data={}).status_code == 400


def test_streaming(notes: httpx.Client) -> None:
    """A generator's lines arrive whole and in order, chunked."""
    response = notes.get("/stream")

    assert response.headers["transfer-encoding"] == "chunked"
    assert response.text.split() == [str(number) for number in range(1000)]


def test_send_file_from_memory(notes: httpx.Client) -> None:
    """send_file of a buffer, after a note was added."""
    notes.post("/", data={"text": "remember"})

    response = notes.get("/notes.txt")

    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert "remember" in response.text.splitlines()


def test_send_file_from_disk(notes: httpx.Client) -> None:
    """send_file of a real file goes through wsgi.file_wrapper: whole, a range, a 304, a HEAD."""
    source = (ROOT / "examples" / "flask_app" / "notes.py").read_bytes()

    whole = notes.get("/source")

    assert whole.content == source
    part = notes.get("/source", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, source[10:20])
    assert notes.get("/source", headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    assert notes.head("/source").headers["content-length"] == str(len(source))


def test_upload(notes: httpx.Client) -> None:
    """A multipart upload of a few megabytes is the file that was sent."""
    content = bytes(range(256)) * 12_000

    response = notes.post("/digest", files={"file": content})

    assert response.json() == {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def test_upload_in_chunks(notes: httpx.Client) -> None:
    """A body without a length reaches Flask through wsgi.input_terminated."""
    boundary = "frontier"
    parts = [
        f"--{boundary}\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n".encode(),
        b"x" * 100_000,
        f"\r\n--{boundary}--\r\n".encode(),
    ]
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}

    response = notes.post("/digest", content=iter(parts), headers=kind)

    assert response.json()["size"] == 100_000
