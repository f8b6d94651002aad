"""What certificates say about themselves, for people: names, chain, how long they last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tricorn._core import Certificate

SOON = 30
"""Days before its end from which on a certificate is warned about: most are renewed before."""
DAY = 24 * 3600


def name_of(certificate: Certificate) -> str:
    """What to call it."""
    names = ", ".join(certificate.names[:3]) + (", …" if len(certificate.names) > 3 else "")
    return names or certificate.subject


def describe(chain: Sequence[Certificate]) -> Iterator[str]:
    """What ``tricorn check`` shows of a certificate and those behind it."""
    own, *behind = chain
    yield f"{', '.join(own.names) or own.subject}"
    yield f"  key      {own.key}"
    yield f"  issuer   {own.issuer}"
    for certificate in behind:
        yield f"  issuer   {certificate.issuer}"
    yield f"  expires  {_date(own.not_after)}"


def is_expired(chain: Sequence[Certificate], now: float) -> bool:
    """Whether clients refuse it, or one behind it, for its age."""
    return any(certificate.not_after <= now for certificate in chain)


def lifetime_warnings(chain: Sequence[Certificate], now: float) -> Iterator[str]:
    """What is to be said about its time, and that of those behind it."""
    for certificate in chain:
        name, left = name_of(certificate), certificate.not_after - now
        end = f"({_date(certificate.not_after)})"
        if left <= 0:
            yield f"the certificate for {name} has expired {end}: clients refuse it"
        elif left < SOON * DAY:
            yield f"the certificate for {name} expires in {_days(left)} {end}"
        if certificate.not_before > now:
            start = f"({_date(certificate.not_before)})"
            yield f"the certificate for {name} is not valid yet {start}: clients refuse it"


def chain_warnings(chain: Sequence[Certificate]) -> Iterator[str]:
    """What is wrong with how the certificates follow each other."""
    for one, following in pairwise(chain):
        if one.issuer != following.subject:
            yield (
                f"behind the certificate for {name_of(one)} comes that of {following.subject}, "
                f"but {one.issuer} has issued it: some clients can't verify it"
            )
    own = chain[0]
    if len(chain) == 1 and own.issuer != own.subject:
        yield (
            f"nothing is behind the certificate for {name_of(own)}: clients that do not know "
            f"{own.issuer} can't verify it; use the file with the full chain"
        )


def _days(seconds: float) -> str:
    days = int(seconds // DAY)
    return "1 day" if days == 1 else f"{days} days"


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
