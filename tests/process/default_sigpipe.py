"""Applications that let SIGPIPE end their process, as many scripts do for their own output."""

from __future__ import annotations

import signal

from tests.process.tls_asgi import app as asgi
from tests.process.tls_wsgi import app as wsgi

__all__ = ["asgi", "wsgi"]

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
