"""Rows about chunked bodies: sizes, extensions, line ends, the last chunk (RFC 9112 7.1)."""

from __future__ import annotations

from tests.contract.case import KEPT, SMUGGLED, Case, Due, Seen, chunked, get, post

SIZE = "RFC 9112 7.1"
EXTENSION = "RFC 9112 7.1.1"
END = b"0\r\n\r\n"


def good(name: str, source: str, body: bytes, decoded: bytes = b"hello") -> Case:
    """A chunked body that is served; a pipelined request must follow it."""
    return Case(
        name=name,
        source=source,
        sent=chunked(body, target=b"/") + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(method="POST", body=decoded), Seen(path="/next")),
    )


def bad(name: str, source: str, body: bytes, due: Due = 400) -> Case:
    """A chunked body that is refused, and never handed over as whole."""
    return Case(
        name=name,
        source=source,
        sent=chunked(body) + SMUGGLED,
        answers=(due,),
        broken=True,
    )


def cut(name: str, body: bytes) -> Case:
    """A chunked body that the client ends early."""
    return Case(
        name=name,
        source="RFC 9112 8",
        sent=chunked(body),
        answers=(400,),
        half_close=True,
        may_be_silent=True,
        broken=True,
    )


def size_line(line: bytes) -> bytes:
    """A body whose first size line is ``line``."""
    return line + b"\r\nhello\r\n" + END


CASES = (
    good("one chunk", SIZE, b"5\r\nhello\r\n" + END),
    good("several chunks", SIZE, b"1\r\nh\r\n3\r\nell\r\n1\r\no\r\n" + END),
    good("empty body", SIZE, END, b""),
    good("size in capitals", SIZE, b"A\r\n0123456789\r\n" + END, b"0123456789"),
    good("size in small letters", SIZE, b"a\r\n0123456789\r\n" + END, b"0123456789"),
    good("leading zeros", SIZE, size_line(b"0005")),
    good("sixteen digits", SIZE, size_line(b"0000000000000005")),
    good("last chunk of many zeros", SIZE, b"5\r\nhello\r\n0000\r\n\r\n"),
    good("line ends inside the data", SIZE, b"7\r\n\r\nhi\r\n\n\r\n" + END, b"\r\nhi\r\n\n"),
    good("last chunk inside the data", SIZE, b"5\r\n0\r\n\r\n\r\n" + END, b"0\r\n\r\n"),
    good(
        "every byte in the data",
        SIZE,
        b"100\r\n" + bytes(range(256)) + b"\r\n" + END,
        bytes(range(256)),
    ),
    good("extension", EXTENSION, size_line(b"5;a")),
    good("extension with a value", EXTENSION, size_line(b"5;a=b;c=d")),
    good("extension with a quoted value", EXTENSION, size_line(b'5;a="b;c \\" d"')),
    good("extension after bad white space", EXTENSION, size_line(b"5 ; a = b")),
    good("extension of the last chunk", EXTENSION, b"5\r\nhello\r\n0;a=b\r\n\r\n"),
    good("size line of 256 bytes", EXTENSION, size_line(b"5;" + b"a" * 252)),
    bad("empty size line", "RFC 9112 7.1; CVE-2023-37276 (aiohttp)", b"\r\nhello\r\n" + END),
    bad("extension without a size", SIZE, size_line(b";a")),
    bad("size with a prefix", "RFC 9112 7.1; CVE-2022-24761 (waitress)", size_line(b"0x5")),
    bad("size with a plus sign", "RFC 9112 7.1; CVE-2022-24761 (waitress)", size_line(b"+5")),
    bad("size with a minus sign", SIZE, size_line(b"-5")),
    bad("size with an underscore", "RFC 9112 7.1; CVE-2022-24761 (waitress)", size_line(b"0_5")),
    bad("space before the size", SIZE, size_line(b" 5")),
    bad("space after the size", SIZE, size_line(b"5 ")),
    bad("tab after the size", SIZE, size_line(b"5\t")),
    bad("space inside the size", SIZE, size_line(b"0 5")),
    bad("size that is not hexadecimal", SIZE, size_line(b"g")),
    bad("text after the size", SIZE, size_line(b"5hello")),
    bad("comma after the size", SIZE, size_line(b"5,5")),
    bad("quoted size", SIZE, size_line(b'"5"')),
    bad("NUL in the size line", SIZE, size_line(b"5\0")),
    bad("seventeen digits", SIZE, size_line(b"00000000000000005")),
    bad("size past 64 bits", "CVE-2021-32714 (hyper)", size_line(b"f0000000000000005")),
    bad("largest size", "CVE-2021-32714 (hyper)", size_line(b"ffffffffffffffff"), (400, 413)),
    bad("largest signed size", "RFC 9112 7.1", size_line(b"7fffffffffffffff"), (400, 413)),
    bad(
        "bare LF after the size",
        "CVE-2025-22871 (Go), CVE-2022-32214 (Node)",
        b"5\nhello\r\n" + END,
    ),
    bad("bare CR after the size", SIZE, b"5\rhello\r\n" + END),
    bad("CR CR LF after the size", SIZE, b"5\r\r\nhello\r\n" + END),
    bad("data longer than its size", "CVE-2025-43859 (h11)", b"5\r\nhelloXX\r\n" + END),
    bad("two other bytes after the data", "CVE-2025-43859 (h11)", b"5\r\nhelloXX0\r\n\r\n"),
    bad("data shorter than its size", SIZE, b"6\r\nhello\r\n" + END),
    bad("bare LF after the data", "CVE-2022-32214 (Node)", b"5\r\nhello\n" + END),
    bad("bare CR after the data", SIZE, b"5\r\nhello\r" + END),
    bad("CR and another byte after the data", "CVE-2025-43859 (h11)", b"5\r\nhello\rX" + END),
    bad("LF CR after the data", SIZE, b"5\r\nhello\n\r" + END),
    bad("nothing after the data", SIZE, b"5\r\nhello" + END),
    bad("bare LF after the last chunk", SIZE, b"5\r\nhello\r\n0\n\r\n"),
    bad("bare LF ends the body", SIZE, b"5\r\nhello\r\n0\r\n\n"),
    bad("LF LF ends the body", SIZE, b"5\r\nhello\r\n0\n\n"),
    bad("CR and another byte end the body", SIZE, b"5\r\nhello\r\n0\r\n\rX"),
    bad("bare LF in an extension", "CVE-2024-52304 (aiohttp)", b"5;a\nb\r\nhello\r\n" + END),
    bad("LF ends an extension", "CVE-2025-55315 (Kestrel)", b"5;a\nhello\r\n" + END),
    bad("bare CR in an extension", "RFC 9112 7.1.1", b"5;a\rb\r\nhello\r\n" + END),
    bad("LF in a quoted extension", "RFC 9112 7.1.1", b'5;a="\n"\r\nhello\r\n' + END),
    bad("NUL in an extension", "RFC 9112 7.1.1", size_line(b"5;a\0")),
    bad("escape byte in an extension", "RFC 9112 7.1.1", size_line(b"5;\x1b")),
    bad("DEL in an extension", "RFC 9112 7.1.1", size_line(b"5;a\x7f")),
    bad("size line of 300 bytes", "CVE-2024-22019 (Node)", size_line(b"5;" + b"a" * 298)),
    bad("endless size line", "CVE-2024-22019 (Node), CVE-2024-21647 (Puma)", b"5;" + b"a" * 20_000),
    bad("endless size", SIZE, b"0" * 5000),
    bad(
        "many extensions",
        "CVE-2024-22019 (Node), CVE-2024-21647 (Puma)",
        (b"1;" + b"a" * 200 + b"\r\nx\r\n") * 40 + END,
    ),
    good("some extensions", EXTENSION, (b"1;" + b"a" * 200 + b"\r\nx\r\n") * 15 + END, b"x" * 15),
    good("many small chunks", "CVE-2025-69229 (aiohttp)", b"1\r\nx\r\n" * 1000 + END, b"x" * 1000),
    cut("end before the first chunk", b""),
    cut("end inside a size", b"5"),
    cut("end after a size", b"5\r\n"),
    cut("end inside the data", b"5\r\nhel"),
    cut("end after the data", b"5\r\nhello"),
    cut("end after a chunk", b"5\r\nhello\r\n"),
    cut("end after the size of the last chunk", b"5\r\nhello\r\n0"),
    cut("end after the last chunk line", b"5\r\nhello\r\n0\r\n"),
    cut("end inside the last line end", b"5\r\nhello\r\n0\r\n\r"),
    Case(
        name="end right after a whole body",
        source="RFC 9112 9.6",
        sent=chunked(b"5\r\nhello\r\n" + END, target=b"/"),
        answers=(200,),
        half_close=True,
        announced=False,
        seen=(Seen(method="POST", body=b"hello"),),
    ),
    Case(
        name="broken chunk behind an answer",
        source="RFC 9112 7.1",
        sent=post(b"Transfer-Encoding: chunked", body=b"zz\r\n", target=b"/first") + SMUGGLED,
        answers=((200, 400),),
        announced=False,
    ),
)
