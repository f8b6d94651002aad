"""Where a real process listens: several addresses, unix sockets, inherited sockets, taken ports."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.kit import Server, serve
from tests.kit.process import ROOT, ended
from tests.kit.wire import Wire
from tests.process.conftest import Start, get


def test_port_0_takes_a_free_one(start: Start) -> None:
    with start() as one, start() as other:
        assert one.address != other.address
        for server in (one, other):
            with server.connect() as wire:
                assert wire.ask(get("/quick")).body == b"quick"


def test_several_addresses(start: Start, tmp_path: Path) -> None:
    binds = ("127.0.0.1:0", "127.0.0.1:0", f"unix:{tmp_path / 'socket'}")
    with start(binds=binds) as server:
        assert len(server.addresses) == 3
        for address in server.addresses:
            with Wire.connect(address) as wire:
                assert wire.ask(get("/quick")).body == b"quick"


def test_an_inherited_socket_is_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        app = "tests.process.app_asgi:app"
        with serve(app, app_dir=ROOT, binds=(f"fd://{fd}",), pass_fds=(fd,)) as server:
            assert server.address == listener.getsockname()
            with server.connect() as wire:
                assert wire.ask(get("/quick")).body == b"quick"


def test_a_taken_port_ends_with_1_and_names_who_has_it(start: Start) -> None:
    with start() as server:
        assert isinstance(server.address, tuple)
        bind = "{}:{}".format(*server.address)
        with ended(Server(["tests.process.app_asgi:app", "--bind", bind], cwd=ROOT)) as late:
            assert late.wait_exit() == 1
            said = late.stderr.text()
        assert said.startswith(f"tricorn: cannot listen on {bind}: the port is in use")
        assert f"process {server.pid} " in said
        assert "Traceback" not in said
        with server.connect() as wire:
            assert wire.ask(get("/quick")).body == b"quick"
