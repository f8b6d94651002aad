"""Sockets that share a TCP address with others by SO_REUSEPORT: the kernel spreads connections.

The supervisor holds the address with a socket that never listens. Each worker accepts on a *seat*:
a socket of its own, bound to the same address, which listens from when its worker is ready. The
socket stays when its worker is replaced, so that nobody in its queue is lost.
"""

from __future__ import annotations

import array
import socket
import struct
from contextlib import suppress

from tricorn.config.address import TcpAddress, parse_address
from tricorn.config.serving import Listen
from tricorn.errors import BindError
from tricorn.net.listener import Listener
from tricorn.net.tcp import bind

_SO_ATTACH_FILTER = 26  # socket(7), asm-generic/socket.h; Python does not name it
_NO_SYN = (
    (0x30, 0, 0, 13),  # BPF_LD+BPF_B+BPF_ABS: the flags of the TCP header
    (0x45, 0, 1, 0x02),  # BPF_JMP+BPF_JSET+BPF_K: is SYN among them?
    (0x06, 0, 0, 0),  # BPF_RET: then nothing of it is kept
    (0x06, 0, 0, 0xFFFFFFFF),  # BPF_RET: else everything
)


def has_seats(text: str, settings: Listen) -> bool:
    """Whether workers have sockets of their own at this address."""
    return settings.reuse_port and isinstance(parse_address(text), TcpAddress)


def open_seat(reserved: Listener) -> Listener:
    """A socket at the address of another, bound only. Raises OSError."""
    sock = bind(reserved.sock.family, reserved.sock.getsockname(), reuse_port=True)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Listener(sock, redirects=reserved.redirects)


def close_seat(listener: Listener) -> None:
    """Close our copy; whoever has another lets in who waits, but nobody new comes.

    A client that wants to connect before that copy is closed too is not heard, and gets to another
    seat when its system asks again, after a second. Without that, its connection would be reset.
    """
    code = array.array("B", b"".join(struct.pack("=HBBI", *line) for line in _NO_SYN))
    address, _ = code.buffer_info()
    with suppress(OSError):  # then the few that come in that moment are reset
        program = struct.pack("@HP", len(_NO_SYN), address)
        listener.sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    listener.close()


def check_kind(text: str, open_already: list[Listener], settings: Listen) -> None:
    """Raise BindError if a TCP address is open in the other manner."""
    if not isinstance(parse_address(text), TcpAddress):
        return
    shared = open_already[0].sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
    if bool(shared) != settings.reuse_port:
        change = "on" if settings.reuse_port else "off"
        raise BindError(
            f"cannot listen on {text}: --reuse-port cannot be turned {change} for an address that "
            "this server has open. Stop and start it, or give another address with --bind."
        )
