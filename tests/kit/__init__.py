"""The test kit: real server processes, raw sockets and strict parsers for the tests above it."""

from __future__ import annotations

from tests.kit.process import Server, serve
from tests.kit.response import BadResponseError, Response
from tests.kit.waiting import wait_until
from tests.kit.wire import Wire

__all__ = ["BadResponseError", "Response", "Server", "Wire", "serve", "wait_until"]
