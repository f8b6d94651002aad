"""What a WebSocket of a board does: one consumer in coroutines, one in ordinary functions."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer, WebsocketConsumer


def group_of(board: str) -> str:
    """The group of all who look at a board."""
    return f"board.{board}"


class Board(AsyncJsonWebsocketConsumer):
    """Sends what anybody pins to all who look on."""

    async def connect(self) -> None:
        """Join the board's group."""
        self.group = group_of(self.scope["url_route"]["kwargs"]["board"])
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content: dict[str, Any], **more: Any) -> None:
        """Pin a notice under the name that the session has."""
        name = self.scope["session"].get("name", "nobody")
        notice = {"type": "notice", "by": name, "text": content["text"]}
        await self.channel_layer.group_send(self.group, notice)

    async def notice(self, event: dict[str, Any]) -> None:
        """Pass on what came through the layer."""
        await self.send_json({"by": event["by"], "text": event["text"]})


class Shout(WebsocketConsumer):
    """Answers in capitals, from a thread."""

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer in kind; an empty message ends it with a code of our own."""
        if bytes_data is not None:
            self.send(bytes_data=bytes_data.upper())
        elif text_data:
            self.send(text_data=text_data.upper())
        else:
            self.close(code=4001, reason="nothing to say")
