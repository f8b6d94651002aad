"""The table: what each client is asked to do, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.clients.bodies import expected
from tests.clients.clients import FULL, Over
from tests.clients.world import Served

Facts = dict[str, Any]

MIB = 1024 * 1024
UPLOAD, DOWNLOAD, CANCELLED = (
    (50 * MIB, 200 * MIB, 64 * MIB) if FULL else (2 * MIB, 8 * MIB, 16 * MIB)
)
"""Bytes of bodies."""
AFTER = 3 * MIB
"""Bytes of a download that are read before it is cancelled."""
REFUSED = 8 * MIB
"""Bytes of an upload that is refused, more than the buffers on its way."""
SMALL = 200_000
TIMES, TRIES, CANCELS = 30, 30 if FULL else 2, 5 if FULL else 2
PARALLEL = [SMALL + number * 10_000 for number in range(20)]
"""Sizes of what is downloaded at once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked, and in which way."""

    server: Served
    over: Over
    interface: str


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a client does, and what must come of it."""

    do: str
    given: Callable[[str], Facts]
    """What it needs, of the server's address."""
    check: Callable[[Facts, Asked], None]
    limited: bool = False
    """Whether the server is one that refuses large bodies."""


def keeps_one_connection(facts: Facts, asked: Asked) -> None:
    """All requests came over one, in the version that was meant."""
    assert len(facts["answers"]) == TIMES
    assert len({answer["port"] for answer in facts["answers"]}) == 1
    assert {answer["http"] for answer in facts["answers"]} == {asked.over.http}


def came_up(facts: Facts, _asked: Asked) -> None:
    """The upload is at the application as it was sent."""
    assert facts["status"] == 200
    assert body_of(facts["answer"]) == expected(UPLOAD)


def body_of(answer: Facts) -> Facts:
    """What is said of a body, without its trailers."""
    return {name: answer[name] for name in ("size", "sha256")}


def each_is_answered(facts: Facts, _asked: Asked) -> None:
    """The refusal arrives every time, and the next request works."""
    assert facts == {"statuses": [413] * TRIES, "next": [200] * TRIES}


def waited(facts: Facts, _asked: Asked) -> None:
    """100 came where the application read; clients that can't tell say nothing of it."""
    assert body_of(facts["answer"]) == expected(SMALL)
    assert facts["refused"] == 413
    assert facts.get("continued", True)


def trailers_came(facts: Facts, asked: Asked) -> None:
    """Both ways over ASGI; WSGI has none, and the body is as it was sent."""
    assert body_of(facts["answer"]) == expected(SMALL)
    if asked.interface == "asgi":
        assert facts["got"] == expected(SMALL)["sha256"]
        assert facts["answer"]["trailers"] == facts.get("sent", {})


def came_down(facts: Facts, _asked: Asked) -> None:
    """The answer is at the client as it was sent."""
    assert facts == expected(DOWNLOAD)


def goes_on(facts: Facts, _asked: Asked) -> None:
    """Who gives up a download can ask again."""
    assert facts == {"next": [200] * CANCELS}


def none_is_mixed_up(facts: Facts, _asked: Asked) -> None:
    """Each has its own answer."""
    assert facts == {"answers": [expected(size) for size in PARALLEL]}


def upload(framing: str) -> Callable[[str], Facts]:
    """An upload to be counted."""
    return lambda url: {"url": f"{url}/digest", "size": UPLOAD, "framing": framing}


def refusal(path: str, framing: str) -> Row:
    """Uploads that are refused before they are read: by the application, or by the server."""

    def given(url: str) -> Facts:
        return {"url": url + path, "size": REFUSED, "framing": framing, "times": TRIES}

    return Row("refused", given, each_is_answered, limited=path == "/digest")


ROWS = {
    "reuse": Row("reuse", lambda url: {"url": url, "times": TIMES}, keeps_one_connection),
    "upload": Row("upload", upload("length"), came_up),
    "upload-chunked": Row("upload", upload("chunked"), came_up),
    "refused-by-application": refusal("/refused", "length"),
    "refused-by-application-chunked": refusal("/refused", "chunked"),
    "refused-by-server": refusal("/digest", "length"),
    "refused-by-server-chunked": refusal("/digest", "chunked"),
    "expect": Row("expect", lambda url: {"url": url, "size": SMALL}, waited),
    "trailers": Row("trailers", lambda url: {"url": url, "size": SMALL}, trailers_came),
    "download": Row("download", lambda url: {"url": f"{url}/sized?{DOWNLOAD}"}, came_down),
    "download-chunked": Row("download", lambda url: {"url": f"{url}/large?{DOWNLOAD}"}, came_down),
    "cancel": Row(
        "cancel",
        lambda url: {"url": url, "size": CANCELLED, "after": AFTER, "times": CANCELS},
        goes_on,
    ),
    "parallel": Row(
        "parallel",
        lambda url: {"urls": [f"{url}/large?{size}" for size in PARALLEL]},
        none_is_mixed_up,
    ),
}
