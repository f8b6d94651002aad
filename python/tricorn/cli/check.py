"""``tricorn check APP``: show each setting with its origin, and whether the application loads."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tricorn.cli.settings import read_settings
from tricorn.config import chains
from tricorn.config.catalogue import SETTINGS
from tricorn.errors import ConfigError

if TYPE_CHECKING:
    from tricorn.config import Config

_SUMMARY = """Show each setting with its origin and try to load the application, without serving.

Ends with 0 when all is well, 1 when the application cannot be loaded, 2 when a setting is wrong or
a certificate has expired.
"""

# What they say is in listen.bind by now, and nothing else reads them.
_FOLDED = ("host", "port")

# A longer value, such as an access log format, pushes its own origin aside and no other.
_WIDEST_VALUE = 32


def main(arguments: list[str]) -> int:
    """Check and report; returns the exit code. Raises what is wrong as TricornError."""
    config = read_settings("tricorn check", _SUMMARY, arguments)
    print("\n".join(_table(config)))
    for text in config.overlooked:
        print(f"tricorn: warning: {text}", file=sys.stderr)
    is_expired = _show_certificates(config)

    from tricorn.logs.banner import INTERFACES
    from tricorn.logs.error_log import configure
    from tricorn.worker.loader import load

    if config.logs.log_config is not None:
        configure(config.logs)
    loaded = load(config.app)
    print(f"\n{loaded.name} loads as {INTERFACES[loaded.interface]}")
    return ConfigError.exit_code if is_expired else 0


def _show_certificates(config: Config) -> bool:
    """Show what they say, and warn; whether one has expired."""
    now, found = time.time(), config.tls_context.chains() if config.tls_context else []
    for chain in filter(None, found):
        print("\ncertificate for " + "\n".join(chains.describe(chain)))
        for text in (*chains.lifetime_warnings(chain, now), *chains.chain_warnings(chain)):
            print(f"  warning: {text}")
    return any(chains.is_expired(chain, now) for chain in found)


def _table(config: Config) -> Iterator[str]:
    rows = [
        (s.key, s.show(s.value(config)), config.origins[s.name])
        for s in SETTINGS
        if s.name not in _FOLDED
    ]
    key_width = max(len(key) for key, _, _ in rows)
    value_width = max(len(value) for _, value, _ in rows if len(value) <= _WIDEST_VALUE)
    for key, value, origin in rows:
        yield f"{key:<{key_width}}  {value:<{value_width}}  {origin}"
