"""Plain views: one remembers a name in the session, one tells all who look at a board."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from noticeboard.consumers import group_of


@require_POST
def login(request: HttpRequest) -> JsonResponse:
    """Keep the name in the session, where consumers find it."""
    request.session["name"] = request.POST["name"]
    return JsonResponse({"name": request.POST["name"]})


@require_POST
def pin(request: HttpRequest, board: str) -> JsonResponse:
    """Send a notice to the WebSockets of a board, from a view that is an ordinary function."""
    notice = {"type": "notice", "by": "the caretaker", "text": request.POST["text"]}
    async_to_sync(get_channel_layer().group_send)(group_of(board), notice)
    return JsonResponse({"pinned": True})
