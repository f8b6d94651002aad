"""A server as a TLS scanner and as hostile clients see it."""

from __future__ import annotations

import re
import select
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kit import Server, Wire, serve, wait_until
from tests.kit.certificates import Files, write_certificate
from tests.kit.process import ROOT
from tests.process.conftest import get
from tests.process.test_tls import Secure, hello

STRONG = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
}
"""What of TLS 1.2 has forward secrecy and authenticated encryption."""
SLOW = 1000
AT_ONCE = 200
READERS = 8


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_certificate(tmp_path)


@pytest.fixture(params=["asgi", "wsgi"])
def secure(request: pytest.FixtureRequest, files: Files) -> Iterator[Secure]:
    with serve(f"tests.process.tls_{request.param}:app", *files.options, app_dir=ROOT) as server:
        yield Secure(server, files.client)


@pytest.fixture
def asgi(files: Files) -> Iterator[Secure]:
    with serve("tests.process.tls_asgi:app", *files.options, app_dir=ROOT) as server:
        yield Secure(server, files.client)


def openssl(server: Server, *options: str, typed: str = "") -> str:
    """What ``openssl s_client`` says."""
    address = server.url.removeprefix("http://")
    command = ["openssl", "s_client", "-connect", address, *options]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions(asgi: Secure, version: str) -> None:
    said = openssl(asgi.server, version, "-cipher", "ALL:@SECLEVEL=0")
    assert "SSL alert number" in said  # by the server
    assert "Cipher is (NONE)" in said


def test_suites(asgi: Secure) -> None:
    """Those of TLS 1.2 that are taken, one after the other, until there is none left."""
    taken: set[str] = set()
    while True:
        offer = ":".join(["ALL", "COMPLEMENTOFALL", *(f"!{one}" for one in taken), "@SECLEVEL=0"])
        said = openssl(asgi.server, "-tls1_2", "-cipher", offer)
        if "Cipher is (NONE)" in said:
            break
        (line,) = (line for line in said.splitlines() if "Cipher is" in line)
        taken.add(line.rpartition(" ")[2])
    assert taken == STRONG
    assert "SSL alert number" in said


def test_renegotiation(asgi: Secure) -> None:
    """A client may not begin another handshake; what was sent is answered."""
    said = openssl(asgi.server, "-tls1_2", typed="R\n")
    assert "RENEGOTIATING" in said
    assert "Secure Renegotiation IS supported" in said
    assert "no renegotiation" in said
    assert asgi.get("/scheme") == b"https"


def test_what_else_is_off(asgi: Secure) -> None:
    """Compression (CRIME) and early data (replay)."""
    assert "Compression: NONE" in openssl(asgi.server, "-tls1_2")
    said = openssl(asgi.server, "-tls1_3", typed="GET /scheme HTTP/1.0\r\n\r\n")
    assert "Early data was not sent" in said
    assert set(re.findall(r"Max Early Data: (\d+)", said)) <= {"0"}


def test_a_thousand_slow_handshakes(secure: Secure) -> None:
    """… cost others nothing; those that come to an end after all are served."""
    first = hello(secure.tls)
    with ExitStack() as stack:
        slow = [stack.enter_context(secure.server.connect()) for _ in range(SLOW)]
        for number, wire in enumerate(slow):
            wire.send(first[: 1 + number % (len(first) - 1)])
        assert secure.get("/scheme") == b"https"
        for number, wire in enumerate(slow[:10]):
            wire.send(first[1 + number % (len(first) - 1) :])
            assert wire.sock.recv(1) == b"\x16"
        assert secure.get("/scheme") == b"https"
    assert secure.get("/scheme") == b"https"


def test_a_flood_of_handshakes(secure: Secure) -> None:
    """Who is connected is answered in between, not behind all of them."""
    first = hello(secure.tls)
    with ExitStack() as stack:
        connected = stack.enter_context(secure.connect())
        pid = int(connected.ask(get("/pid")).body)
        flood = [stack.enter_context(secure.server.connect()) for _ in range(AT_ONCE)]
        assert secure.get("/scheme") == b"https"  # all of them are accepted
        secure.server.send_signal(signal.SIGSTOP)
        wait_until(lambda: is_stopped(pid), "the server stands still")
        for wire in flood:
            wire.send(first)
        connected.send(get("/freeze"))
        secure.server.send_signal(signal.SIGCONT)
        # The application stops the process: there is all the time to count.
        wait_until(lambda: is_stopped(pid) and answered(flood), "the request is served")
        assert 0 < answered(flood) < AT_ONCE / 2
        secure.server.send_signal(signal.SIGCONT)
        assert connected.response().status == 200
        wait_until(lambda: answered(flood) == AT_ONCE, "all handshakes are answered")


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def answered(wires: list[Wire]) -> int:
    """On how many something has come."""
    poll = select.poll()
    for wire in wires:
        poll.register(wire.sock, select.POLLIN)
    return len(poll.poll(0))


def memory(server: Server) -> int:
    """Bytes that the process holds."""
    pages = Path(f"/proc/{server.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def test_slow_readers(secure: Secure, tmp_path: Path) -> None:
    """A large file waits on the disk for whoever does not read, not in memory."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(256 * 1024 * 1024)
    assert secure.get("/scheme") == b"https"
    before = memory(secure.server)
    with ExitStack() as stack:
        readers = [stack.enter_context(secure.connect()) for _ in range(READERS)]
        for wire in readers:
            wire.send(get(f"/file?{path}"))
            assert wire.sock.recv(1)
        assert [secure.get("/scheme") for _ in range(20)] == [b"https"] * 20
        assert memory(secure.server) - before < READERS * 1024 * 1024


def test_a_child_of_the_application(secure: Secure) -> None:
    """It lets go of connections without a word: no alert, and what follows is in order."""
    with secure.connect() as wire, secure.connect() as idle:
        assert idle.ask(get("/scheme")).body == b"https"
        for path in ("/fork", "/scheme", "/fork", "/scheme"):
            assert wire.ask(get(path)).status == 200
        assert idle.ask(get("/scheme")).body == b"https"


def test_an_alert_in_place_of_a_reset(asgi: Secure) -> None:
    """A client learns why, though it has sent more than was read."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.set_ciphers("AES128-SHA:@SECLEVEL=0")
    first = hello(client)
    for _ in range(20):
        with asgi.server.connect() as wire:
            wire.send(first + bytes(100_000))
            assert wire.sock.recv(1) == b"\x15"
