"""TCP listeners on real sockets, and what is said where one cannot be had."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tricorn.config import Config
from tricorn.errors import BindError
from tricorn.net.listen import close_listeners, open_listeners
from tricorn.net.listener import Listener

Listen = Callable[..., list[Listener]]

_LISTEN_ELSEWHERE = """
import socket
sock = socket.create_server(("127.0.0.1", 0))
print(sock.getsockname()[1], flush=True)
input()
"""


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Open listeners for addresses; they are closed when the test ends."""
    opened: list[Listener] = []

    def listen(*bind: str, **settings: object) -> list[Listener]:
        listeners = open_listeners(Config.make(bind=list(bind), **settings).listen)
        opened.extend(listeners)
        return listeners

    yield listen
    close_listeners(opened)


def refusal(*bind: str, **settings: object) -> str:
    with pytest.raises(BindError) as error:
        open_listeners(Config.make(bind=list(bind), **settings).listen)
    return str(error.value)


def test_takes_connections_and_is_ready_for_the_core(listen: Listen) -> None:
    (listener,) = listen("127.0.0.1:0")
    sock = listener.sock
    assert not sock.getblocking()
    assert not sock.get_inheritable()
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    with closing(socket.create_connection(sock.getsockname(), timeout=5)):
        accepted, _ = sock.accept()
        with closing(accepted):
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_display(listen: Listen) -> None:
    v4, v6 = listen("127.0.0.1:0", "[::1]:0")
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*", v4.display)
    assert re.fullmatch(r"http://\[::1\]:[1-9]\d*", v6.display)


def test_every_interface_in_both_families_on_one_port(listen: Listen) -> None:
    (v6,) = listen("[::]:0")
    assert v6.sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    port = v6.sock.getsockname()[1]
    (v4,) = listen(f":{port}")
    assert v4.display == f"http://0.0.0.0:{port}"


def test_a_name_of_several_addresses_shares_one_port(listen: Listen) -> None:
    found = {info[4][0] for info in socket.getaddrinfo("localhost", None)}
    listeners = listen("localhost:0")
    assert {listener.sock.getsockname()[0] for listener in listeners} == found
    assert len({listener.sock.getsockname()[1] for listener in listeners}) == 1


def test_backlog_reaches_the_kernel(listen: Listen) -> None:
    (listener,) = listen("127.0.0.1:0", backlog=7)
    port = listener.sock.getsockname()[1]
    command = ["ss", "-Hltn", f"sport = :{port}"]
    try:
        row = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    except FileNotFoundError:
        pytest.skip("ss is not installed")
    assert row[2] == "7"  # Send-Q of a listening socket


def test_port_in_use_names_the_process() -> None:
    command = [sys.executable, "-c", _LISTEN_ELSEWHERE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        for host in ("127.0.0.1", "0.0.0.0"):
            message = refusal(f"{host}:{port}")
            assert message.startswith(
                f"cannot listen on {host}:{port}: the port is in use "
                f"by process {process.pid} ({Path(sys.executable).name} -c "
            )
            assert "Stop it, or give another port with --bind or --port." in message
            assert "\n" not in message
        process.communicate(b"\n")


def test_port_in_use_by_a_script_tells_what_it_serves(tmp_path: Path) -> None:
    """Two long paths would leave no room for that."""
    script = tmp_path / ("x" * 60) / "tricorn"
    script.parent.mkdir()
    script.write_text(_LISTEN_ELSEWHERE)
    command = [sys.executable, str(script), "main:app", "/is/a/value"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        shown = f"({Path(sys.executable).name} tricorn main:app /is/a/value)"
        assert f"by process {process.pid} {shown}" in refusal(f"127.0.0.1:{port}")
        process.communicate(b"\n")


def test_port_in_use_by_a_socket_that_does_not_listen() -> None:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert "the port is in use. Stop it" in refusal(f"127.0.0.1:{port}")


def test_another_address_with_the_same_port_is_not_blamed(listen: Listen) -> None:
    (first,) = listen("127.0.0.2:0")
    port = first.sock.getsockname()[1]
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", port))
        assert "in use. Stop" in refusal(f"127.0.0.1:{port}")


def test_address_of_another_machine() -> None:
    # 192.0.2.0/24 is set aside for documentation (RFC 5737).
    assert refusal("192.0.2.1:0") == (
        "cannot listen on 192.0.2.1:0: 192.0.2.1 is not an address of this machine. "
        "Give one of its own, or 0.0.0.0."
    )


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".invalid", "..", "999.1.1.1"])
def test_unknown_host(host: str) -> None:
    assert f"the host name '{host}' is not known" in refusal(f"{host}:0")


def test_privileged_port() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if first <= 80:
        pytest.skip("this kernel lets everybody bind port 80")
    message = _as_nobody(lambda: refusal("127.0.0.1:80"))
    assert message == (
        f"cannot listen on 127.0.0.1:80: ports below {first} need root or CAP_NET_BIND_SERVICE. "
        "Give a higher port with --bind or --port."
    )


def _as_nobody(report: Callable[[], str]) -> str:
    """What ``report`` returns in a process without privileges."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            os.write(writer, report().encode())
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return text


def test_holder_of_another_user_is_told_by_its_number(listen: Listen) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    (listener,) = listen("127.0.0.1:0")
    port = listener.sock.getsockname()[1]

    def report() -> str:
        listener.sock.close()  # the child's own copy, which it could see
        return refusal(f"127.0.0.1:{port}")

    assert "in use by a process of user 0." in _as_nobody(report)


def test_nothing_stays_open_when_one_address_fails(listen: Listen) -> None:
    (taken,) = listen("127.0.0.1:0")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    before = _open_descriptors()
    refusal(f"127.0.0.1:{free}", f"127.0.0.1:{taken.sock.getsockname()[1]}")
    assert _open_descriptors() == before
    listen(f"127.0.0.1:{free}")


def _open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def test_close_refuses_new_clients(listen: Listen) -> None:
    (listener,) = listen("127.0.0.1:0")
    address = listener.sock.getsockname()
    listener.close()
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)
