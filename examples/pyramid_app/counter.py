"""Counters in Pyramid: routes, a JSON renderer, and errors as views."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pyramid.config import Configurator  # type: ignore[import-untyped]
from pyramid.httpexceptions import HTTPNotFound  # type: ignore[import-untyped]
from pyramid.request import Request  # type: ignore[import-untyped]


def make_app() -> Any:
    """The WSGI application, with counters kept in memory."""
    counts: Counter[str] = Counter()

    def show(request: Request) -> dict[str, object]:
        name = request.matchdict["name"]
        if name not in counts:
            raise HTTPNotFound(f"nothing counted as {name}")
        return {"name": name, "count": counts[name]}

    def add(request: Request) -> dict[str, object]:
        name = request.matchdict["name"]
        counts[name] += int(request.params.get("by", "1"))
        request.response.status = 201
        return show(request)

    with Configurator() as config:
        config.add_route("counter", "/counters/{name}")
        config.add_view(show, route_name="counter", request_method="GET", renderer="json")
        config.add_view(add, route_name="counter", request_method="POST", renderer="json")
    return config.make_wsgi_app()
