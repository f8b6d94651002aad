"""The settings about proxies: what they take and refuse, and the variable of the rivals."""

from __future__ import annotations

import pytest

from tricorn.config import Config
from tricorn.errors import ConfigError


def trusted(text: str) -> tuple[str, ...]:
    """The proxies that this text names."""
    return Config.make(forwarded_allow_ips=text).proxy.trusted


def test_peers() -> None:
    assert trusted("127.0.0.1, 10.0.0.0/8,::1,unix") == ("127.0.0.1", "10.0.0.0/8", "::1", "unix")
    assert trusted("*") == ("*",)
    assert trusted("") == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("localhost", "is not an address"),
        ("10.0.0.1/8", "the network is 10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "is not an address"),
        ("10.0.0.0/", "is not an address"),
        ("fe80::1%eth0", "is not an address"),
        ("0177.0.0.1", "is not an address"),
    ],
)
def test_what_is_no_peer(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        trusted(f"127.0.0.1,{text}")


def test_both_ways_to_give_a_list() -> None:
    config = Config.load({"forwarded_allow_ips": ("::1,10.0.0.0/8", "unix")}, environ={})
    assert config.proxy.trusted == ("::1", "10.0.0.0/8", "unix")


def test_the_variable_of_the_rivals() -> None:
    environ = {"FORWARDED_ALLOW_IPS": "10.0.0.1"}
    assert Config.load(environ=environ).proxy.trusted == ("10.0.0.1",)
    mine = {**environ, "TRICORN_FORWARDED_ALLOW_IPS": "10.0.0.2"}
    assert Config.load(environ=mine).proxy.trusted == ("10.0.0.2",)
    with pytest.raises(ConfigError, match="environment FORWARDED_ALLOW_IPS"):
        Config.load(environ={"FORWARDED_ALLOW_IPS": "10.0.0.1/8"})


def test_fields() -> None:
    assert Config.make(forwarded_headers="X-Forwarded-For").proxy.believed == ("X-Forwarded-For",)
    with pytest.raises(ConfigError, match="is not one of"):
        Config.make(forwarded_headers="x-real-ip")
    with pytest.raises(ConfigError, match="together with x-forwarded-for, x-forwarded-host"):
        Config.make(forwarded_headers="forwarded,X-Forwarded-For,x-forwarded-host")
    Config.make(forwarded_headers="forwarded,x-forwarded-prefix")


def test_schemes() -> None:
    assert Config.make(secure_scheme_headers="Front-End-Https=on").proxy.secure_schemes
    for wrong in ("x-ssl", "=on", "x ssl=on", "x-ssl=", "x-forwarded-proto=https"):
        with pytest.raises(ConfigError, match="secure_scheme_headers"):
            Config.make(secure_scheme_headers=wrong)
