"""The section about proxies: which peers may speak for a client, and what of it is believed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass

from tricorn.config.kinds import Words
from tricorn.config.setting import setting

BELIEVABLE = (
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "forwarded",
)
"""The fields that the core can read."""

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,63}"
_MEANS_HTTPS = re.compile(rf"{_NAME}=[!-~]+")


def _check_peer(text: str) -> None:
    if text in ("*", "unix"):
        return
    address, slash, length = text.partition("/")
    try:
        if "%" in address or (slash and not re.fullmatch("[0-9]+", length)):
            raise ValueError
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            "is not an address (192.0.2.1), a network (10.0.0.0/8), unix or *"
        ) from None
    if str(network.network_address) != str(ipaddress.ip_address(address)):
        raise ValueError(f"has bits of the host set; the network is {network}")


def _check_name(text: str) -> None:
    if text.lower() not in BELIEVABLE:
        raise ValueError(f"is not one of {', '.join(BELIEVABLE)}")


def _check_scheme(text: str) -> None:
    name = text.partition("=")[0].lower()
    if not _MEANS_HTTPS.fullmatch(text):
        raise ValueError("is not a field with a value; write it as x-forwarded-ssl=on")
    if name in BELIEVABLE:
        raise ValueError("is for other fields; that one goes to --forwarded-headers")


def two_families(names: Collection[str]) -> str | None:
    """What is wrong with fields that are believed together; None if nothing is.

    A proxy sets one family and passes the other on as the client sent it.
    """
    lower = {name.lower() for name in names}
    lists = sorted(lower & set(BELIEVABLE[:4]))
    if "forwarded" in lower and lists:
        return f"forwarded can't be believed together with {', '.join(lists)}: proxies set one"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Proxies: who may speak for clients, and how."""

    headers: bool = setting(
        True,
        flag="--proxy-headers",
        help="What trusted proxies say of the client is believed; without it, nothing is.",
        uvicorn="proxy_headers",
    )
    trusted: Words = setting(
        ("127.0.0.1", "::1", "unix"),
        everyday=True,
        flag="--forwarded-allow-ips",
        metavar="PEER",
        check=_check_peer,
        help="Proxies that are trusted: addresses, networks, unix for unix sockets, * for anyone; "
        "separated by commas or given more than once. FORWARDED_ALLOW_IPS gives them too.",
        gunicorn="forwarded_allow_ips",
        uvicorn="forwarded_allow_ips",
    )
    believed: Words = setting(
        ("x-forwarded-for", "x-forwarded-proto"),
        needs="proxy_headers",
        flag="--forwarded-headers",
        metavar="NAME",
        check=_check_name,
        help="Fields of trusted proxies that are believed. Name only those that the proxy sets "
        "or removes: others are the client's own.",
    )
    secure_schemes: Words = setting(
        ("x-forwarded-protocol=ssl", "x-forwarded-ssl=on"),
        needs="proxy_headers",
        flag="--secure-scheme-headers",
        metavar="NAME=VALUE",
        check=_check_scheme,
        help="Other fields that mean https by this value, and http by any other. Fields that "
        "contradict each other get 400.",
        gunicorn="secure_scheme_headers",
    )
    protocol: str = setting(
        "off",
        flag="--proxy-protocol",
        choices=("off", "v1", "v2", "auto"),
        bare="auto",
        negated="off",
        help="Version of the PROXY protocol that every connection must begin with, auto for "
        "either; one that does not, or comes from others, is closed.",
        gunicorn="proxy_protocol",
    )
    senders: Words = setting(
        ("127.0.0.1", "::1", "unix"),
        needs="proxy_protocol",
        flag="--proxy-allow-from",
        metavar="PEER",
        check=_check_peer,
        help="Peers that may use the PROXY protocol, written like those that are trusted.",
        gunicorn="proxy_allow_ips",
    )
    request_id: bool = setting(
        False,
        help="Each request has an id, the one of a trusted proxy (X-Request-Id, traceparent) or "
        "a new one: for the application, the response and the logs.",
    )
