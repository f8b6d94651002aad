"""The ASGI entry point: Django for HTTP, Channels for WebSocket."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "noticeboard.settings")
pages = get_asgi_application()

# Only now: consumers may import models, which Django has to know first.
from noticeboard.consumers import Board, Shout  # noqa: E402

sockets = URLRouter(
    [
        path("boards/<slug:board>/", Board.as_asgi()),
        path("shout/", Shout.as_asgi()),
    ]
)
application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": AllowedHostsOriginValidator(SessionMiddlewareStack(sockets)),
    }
)
