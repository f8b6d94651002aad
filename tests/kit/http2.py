"""A client of HTTP/2 that sees every frame: requests, and raw frames where a test needs them."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from tests.kit.wire import Address, Wire

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = range(5)
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, PRIORITY_UPDATE = 6, 7, 8, 9, 16
END_STREAM, END_HEADERS = 1, 4
ENHANCE_YOUR_CALM = 11


def frame(kind: int, content: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    """One frame, whether it makes sense or not (RFC 9113 section 4.1)."""
    return struct.pack(">I", len(content))[1:] + struct.pack(">BBI", kind, flags, stream) + content


def agreed(tls: ssl.SSLContext, *protocols: str) -> ssl.SSLContext:
    """``tls`` with an offer of ``protocols`` by ALPN."""
    tls.set_alpn_protocols(list(protocols))
    return tls


@dataclass(slots=True)
class Answer:
    """What has come on one stream."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    trailers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[tuple[int, list[tuple[str, str]]]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    @property
    def over(self) -> bool:
        """Nothing more comes."""
        return self.ended or self.reset is not None

    def header(self, name: str) -> str | None:
        """The first field of that name."""
        return next((value for known, value in self.headers if known == name), None)


class Client:
    """One connection. With ``reads`` off, what comes is not acknowledged until ``read_on``."""

    def __init__(self, wire: Wire, *, reads: bool = True, window: int = 1 << 24) -> None:
        self.wire = wire
        config = h2.config.H2Configuration(
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)
        self.reads = reads
        self.answers: dict[int, Answer] = {}
        self.order: list[int] = []
        """The streams in the order their data came, one entry for each frame."""
        self.goaway: int | None = None
        self.goaways: list[int] = []
        """The last streams that were named, one entry for each GOAWAY."""
        self.closed = False
        self.pongs = 0
        self._part = b""
        self.h2.initiate_connection()
        if window:
            self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
            self.h2.increment_flow_control_window(window)
        self.flush()

    def flush(self) -> None:
        """Send what the protocol has to say."""
        self.wire.send(self.h2.data_to_send())

    def ask(
        self,
        path: str = "/",
        method: str = "GET",
        *,
        headers: Iterable[tuple[str, str]] = (),
        end: bool = True,
        authority: str | None = "localhost",
        now: bool = True,
    ) -> int:
        """Send a request's head, at once or with the next thing to send; returns its stream."""
        stream: int = self.h2.get_next_available_stream_id()
        host = [(":authority", authority)] if authority is not None else []
        pseudo = [(":method", method), (":scheme", "http"), *host, (":path", path)]
        self.answers[stream] = Answer()
        self.h2.send_headers(stream, [*pseudo, *headers], end_stream=end)
        if now:
            self.flush()
        return stream

    def post(self, body: bytes, path: str = "/") -> int:
        """Send a request with a body, as fast as the server lets it."""
        stream = self.ask(path, "POST", end=False)
        self.give(stream, body)
        self.h2.end_stream(stream)
        self.flush()
        return stream

    def give(self, stream: int, body: bytes) -> None:
        """Send all of ``body``, waiting for the server's window, unless the stream is reset."""
        answer = self.answers[stream]

        def can_go_on() -> bool:
            return answer.reset is not None or self.h2.local_flow_control_window(stream) > 0

        while body:
            self.until(can_go_on, "room to send")
            if answer.reset is not None:
                return
            size = min(
                len(body),
                self.h2.local_flow_control_window(stream),
                self.h2.max_outbound_frame_size,
            )
            self.h2.send_data(stream, body[:size])
            self.flush()
            body = body[size:]

    def get(self, path: str = "/", method: str = "GET", **more: object) -> Answer:
        """A request and its whole answer."""
        return self.finish(self.ask(path, method, **more))  # type: ignore[arg-type]

    def finish(self, stream: int) -> Answer:
        """Wait for the end of an answer."""
        answer = self.answers[stream]
        self.until(lambda: answer.over, f"the end of stream {stream}")
        return answer

    def until(self, look: Callable[[], bool], what: str) -> None:
        """Read until ``look()`` holds; AssertionError if the server closes before."""
        while not look():
            if not self.read():
                raise AssertionError(f"closed before {what}; GOAWAY was {self.goaway}")

    def read(self, most: int = 65536) -> bool:
        """Read ``most`` bytes at once; False at the end of the connection."""
        try:
            came = self.wire.sock.recv(most)
        except (ConnectionResetError, ssl.SSLEOFError):
            came = b""
        if not came:
            self.closed = True
            return False
        for event in self.h2.receive_data(self._without_goaways(came)):
            self._note(event)
        self.flush()
        return True

    def _without_goaways(self, came: bytes) -> bytes:
        """Notes each GOAWAY: the library takes it for the end, and fails on what comes behind."""
        self._part += came
        rest = bytearray()
        while len(self._part) >= 9:
            size = 9 + int.from_bytes(self._part[:3])
            if len(self._part) < size:
                break
            whole, self._part = self._part[:size], self._part[size:]
            if whole[3] == GOAWAY:
                last, code = struct.unpack(">II", whole[9:17])
                self.goaway = code
                self.goaways.append(last)
            else:
                rest += whole
        return bytes(rest)

    def until_answered(self) -> None:
        """Until the server has seen what was sent so far: it has answered a ping."""
        had = self.pongs
        self.h2.ping(b"12345678")
        self.flush()
        self.until(lambda: self.pongs > had, "the answer to a ping")

    def end(self) -> None:
        """Read until the server closes."""
        while self.read():
            pass

    def _note(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                answer = self.answers[event.stream_id]
                fields = _text(event.headers)
                answer.status = int(fields[0][1])
                answer.headers = fields[1:]
            case h2.events.InformationalResponseReceived():
                fields = _text(event.headers)
                interim = self.answers[event.stream_id].interim
                interim.append((int(fields[0][1]), fields[1:]))
            case h2.events.DataReceived():
                self.answers[event.stream_id].body += event.data
                self.order.append(event.stream_id)
                if self.reads:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.PingAckReceived():
                self.pongs += 1
            case h2.events.TrailersReceived():
                self.answers[event.stream_id].trailers = _text(event.headers)
            case h2.events.StreamEnded():
                self.answers[event.stream_id].ended = True
            case h2.events.StreamReset():
                self.answers[event.stream_id].reset = int(event.error_code)


def _text(fields: object) -> list[tuple[str, str]]:
    """Fields as the library gives them when it decodes them."""
    text: list[tuple[str, str]] = list(fields or ())  # type: ignore[call-overload]
    return text


def connect_narrowly(address: Address, receive_buffer: int, *, deadline: float = 10.0) -> Wire:
    """A connection for which the kernel takes so many bytes ahead of its reader."""
    assert isinstance(address, tuple)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(deadline)
    sock.connect(address)
    return Wire(sock, deadline=deadline)


@contextmanager
def connect(
    address: Address,
    *,
    tls: ssl.SSLContext | None = None,
    reads: bool = True,
    window: int = 1 << 24,
    receive_buffer: int | None = None,
) -> Iterator[Client]:
    """A client of ``address``. ``receive_buffer`` limits what the kernel takes for it, in bytes."""
    if receive_buffer is not None:
        wire = connect_narrowly(address, receive_buffer)
    else:
        wire = Wire.connect(address, tls=tls)
    with wire:
        yield Client(wire, reads=reads, window=window)
