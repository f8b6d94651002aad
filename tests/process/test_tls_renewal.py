"""Certificates that are swapped while the server runs."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import Server, Wire, serve, wait_until
from tests.kit.certificates import Files, write_certificate
from tests.kit.process import ROOT
from tests.process.conftest import get
from tests.process.test_tls import peer
from tests.process.test_tls_clients import Clients, is_refused
from tests.process.test_workers import children, wait_replaced
from tricorn import Server as Embedded
from tricorn.config import Config

WATCH = ("--tls-watch", "0.2s")
SERVERS = {
    "asgi": ("asgi",),
    "wsgi": ("wsgi", "--threads", "2"),
    "workers": ("asgi", "--workers", "2"),
    "wsgi workers": ("wsgi", "--workers", "2"),
}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_certificate(tmp_path)


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, files: Files) -> Iterator[Server]:
    interface, *options = SERVERS[request.param]
    app = f"tests.process.tls_{interface}:app"
    with serve(app, *files.options, *WATCH, *options, app_dir=ROOT) as server:
        yield server


def test_new_files_are_used(server: Server, files: Files, tmp_path: Path) -> None:
    """… for new connections, by the same processes; who is connected stays so."""
    old, processes = peer(server), children(server)
    with Wire.connect(server.address, tls=files.client) as wire:
        assert wire.ask(get("/scheme")).body == b"https"
        renewed = write_certificate(tmp_path)
        server.stderr.wait(lambda text: "the certificates were replaced" in text, "it is said")
        wait_until(lambda: peer(server) != old, "the new certificate is shown")
        assert wire.ask(get("/scheme")).body == b"https"
    wait_until(lambda: is_trusted(server, renewed.client), "each worker has looked")
    assert children(server) == processes


def is_trusted(server: Server, client: ssl.SSLContext) -> bool:
    """Whether the client is served; a worker looks for news once a second."""
    try:
        with Wire.connect(server.address, tls=client) as wire:
            return wire.ask(get("/scheme")).body == b"https"
    except ssl.SSLCertVerificationError:
        return False


def test_bad_files_are_not(files: Files, tmp_path: Path) -> None:
    """The mistake is told once, by file; better ones are used after it."""
    with serve("tests.process.tls_asgi:app", *files.options, *WATCH, app_dir=ROOT) as server:
        old, new = peer(server), write_certificate(tmp_path / "new")
        new.key.replace(files.key)
        said = f'--tls-key: "{files.key}" does not belong to the certificate'
        server.stderr.wait(lambda text: said in text, "the key is of another")
        assert "the old ones are kept" in server.stderr.text()
        assert peer(server) == old
        new.cert.replace(files.cert)
        wait_until(lambda: peer(server) != old, "the new certificate is shown")
        files.cert.unlink()
        server.stderr.wait(lambda text: "can't be read: No such file" in text, "it has gone")
        assert server.stderr.text().count("were not replaced") == 2


def test_workers_that_come_later(files: Files, tmp_path: Path) -> None:
    """A worker that replaces one that has died shows the new certificate, too."""
    options = (*files.options, *WATCH, "--workers", "1")
    with serve("tests.process.tls_asgi:app", *options, app_dir=ROOT) as server:
        old, (first,) = peer(server), children(server)
        write_certificate(tmp_path)
        wait_until(lambda: peer(server) != old, "the new certificate is shown")
        new = peer(server)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: children(server) - {first}, "another worker is there")
        wait_until(lambda: answer(server) == new, "it shows the new one")


def test_workers_only_read_them(files: Files) -> None:
    """… so that one which an attacker has taken over can't choose those of the others.

    Another user can't open the file anew, either. That holds for those of a generation before, too.
    """
    options = (*files.options, "--workers", "1")
    with serve("tests.process.tls_asgi:app", *options, app_dir=ROOT) as server:
        before = children(server)
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: len(children(server) - before) == 1, "a worker of the next generation")
        wait_replaced(server, before)
        (worker,) = children(server)
        assert {flags & os.O_ACCMODE for flags in memory_files(server.pid)} >= {os.O_RDWR}
        assert {flags & os.O_ACCMODE for flags in memory_files(worker)} == {os.O_RDONLY}


def memory_files(pid: int) -> Iterator[int]:
    """The flags of each descriptor of a file without a name (proc(5))."""
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        if str(fd.readlink()).startswith("/memfd:tricorn "):
            assert stat.S_IMODE(fd.stat().st_mode) == 0o600
            lines = Path(f"/proc/{pid}/fdinfo/{fd.name}").read_text().splitlines()
            (flags,) = (line.split()[1] for line in lines if line.startswith("flags:"))
            yield int(flags, 8)


def answer(server: Server) -> bytes | None:
    try:
        return peer(server)
    except OSError:
        return None


def test_list_of_the_revoked(files: Files, tmp_path: Path) -> None:
    """Every file counts: here the one that turns a client away."""
    clients, crl = Clients(tmp_path, files), tmp_path / "crl.pem"
    clients.revoke(crl, of=clients.authority.issue_cert("other@client.test"))
    auth = ("--tls-client-auth", "required", "--tls-client-ca", str(clients.ca))
    options = (*files.options, *auth, "--tls-client-crl", str(crl), *WATCH)
    with serve("tests.process.tls_asgi:app", *options, app_dir=ROOT) as server:
        assert not is_refused(server, clients.known)
        clients.revoke(crl)
        wait_until(lambda: is_refused(server, clients.known), "the client is turned away")


async def app(scope: object, receive: object, send: object) -> None:
    raise NotImplementedError


def test_embedded(files: Files, tmp_path: Path) -> None:
    """A server in somebody else's event loop looks after its certificate, until it ends."""

    def shown(address: str) -> bytes:
        host, _, port = address.removeprefix("https://").rpartition(":")
        return ssl.get_server_certificate((host, int(port)), timeout=10).encode()

    async def main() -> None:
        config = Config.make(
            port=0, tls_cert=str(files.cert), tls_key=str(files.key), tls_watch=0.1, lifespan="off"
        )
        async with Embedded(app, config) as (address,):
            old = await asyncio.to_thread(shown, address)
            write_certificate(tmp_path)
            async with asyncio.timeout(10):
                while await asyncio.to_thread(shown, address) == old:
                    pass

    asyncio.run(main())
