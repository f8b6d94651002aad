"""Sessions that are resumed: on another worker, after a reload, and for how long."""

from __future__ import annotations

import os
import signal
import ssl
import time
from pathlib import Path

import pytest
import trustme

from tests.kit import Server, Wire, serve, wait_until
from tests.kit.certificates import Files, write_certificate
from tests.kit.process import ROOT
from tests.process.conftest import get
from tests.process.memory import derive, holds, link_of
from tests.process.test_tls_clients import Clients
from tests.process.test_workers import children, wait_replaced

APP = "tests.process.tls_asgi:app"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    files = write_certificate(tmp_path)
    files.client.maximum_version = request.param
    return files


def visit(
    server: Server, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[bool, bytes, ssl.SSLSession | None]:
    """Whether the session was resumed, the worker's pid, and a session for the next time."""
    with Wire.connect(server.address, tls=client, session=session) as wire:
        pid = wire.ask(get("/pid")).body
        assert isinstance(wire.sock, ssl.SSLSocket)
        return bool(wire.sock.session_reused), pid, wire.sock.session


def test_on_every_worker(files: Files) -> None:
    """… and on those of the generation after a reload."""
    with serve(APP, *files.options, "--workers", "3", app_dir=ROOT) as server:
        fresh, first, session = visit(server, files.client)
        assert not fresh

        def another() -> bytes | None:
            resumed, pid, _ = visit(server, files.client, session)
            assert resumed
            return pid if pid != first else None

        wait_until(another, "another worker answers")
        before = children(server)
        server.send_signal(signal.SIGHUP)
        wait_replaced(server, before)
        assert visit(server, files.client, session)[0]


def test_rotation(files: Files) -> None:
    """A ticket is good for a whole interval at the least, and not for more than two."""
    with serve(APP, *files.options, "--tls-ticket-rotation", "1s", app_dir=ROOT) as server:
        begun = time.monotonic()
        *_, session = visit(server, files.client)
        wait_until(lambda: not visit(server, files.client, session)[0], "the ticket is too old")
        assert time.monotonic() - begun > 1

        def resumes() -> bool:
            return visit(server, files.client, visit(server, files.client)[2])[0]

        wait_until(resumes, "a newer one is good")


@pytest.mark.parametrize("alone", [False, True], ids=["workers", "alone"])
def test_old_secrets_are_forgotten(alone: bool, tmp_path: Path) -> None:
    """… by the clock, in all processes, and those that are forked later never know them."""
    files = write_certificate(tmp_path)
    app, *more = ("tls_wsgi:app", "--threads", "2") if alone else ("tls_asgi:app", "--workers=2")
    options = (*files.options, "--tls-ticket-rotation", "2s", *more)
    with serve(f"tests.process.{app}", *options, app_dir=ROOT) as server:
        before = children(server)
        served = int(visit(server, files.client)[1])
        link = link_of(served)
        secret = derive(link, b"secret")
        secrets = [link, secret, derive(secret, b"key")]
        assert holds(served, secrets), "they can be found"

        def forgotten() -> bool:
            return not any(holds(pid, secrets) for pid in (server.pid, *children(server)))

        wait_until(forgotten, "two intervals are over", deadline=30)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(children(server) - before) == len(before), "others have come")
        assert forgotten()


def test_without_tickets(files: Files) -> None:
    with serve(APP, *files.options, "--tls-ticket-rotation", "0", app_dir=ROOT) as server:
        *_, session = visit(server, files.client)
        assert not visit(server, files.client, session)[0]


def test_other_rules_for_clients(files: Files, tmp_path: Path) -> None:
    """A session is not resumed where its client would not be verified by the same rules."""
    clients = Clients(tmp_path, files)
    clients.known.maximum_version = files.client.maximum_version
    options = ("--tls-client-ca", str(clients.ca), "--tls-client-auth", "optional")
    with serve(APP, *files.options, *options, "--workers", "1", app_dir=ROOT) as server:
        *_, session = visit(server, clients.known)
        assert visit(server, clients.known, session)[0]
        both = [authority.cert_pem.bytes() for authority in (clients.authority, trustme.CA())]
        clients.ca.write_bytes(b"".join(both))
        before = children(server)
        server.send_signal(signal.SIGHUP)
        wait_replaced(server, before)
        assert not visit(server, clients.known, session)[0]
