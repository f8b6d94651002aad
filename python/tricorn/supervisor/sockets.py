"""The listening sockets of all generations: opened once, kept over reloads, closed when unused."""

from __future__ import annotations

from tricorn.config.serving import Listen
from tricorn.net.listen import close_listeners, open_address
from tricorn.net.listener import Listener
from tricorn.net.takeover import let_go


class Sockets:
    """Listeners by the address as it is written in the configuration."""

    def __init__(self, taken_over: dict[str, list[Listener]]) -> None:
        self._open = taken_over

    @property
    def all(self) -> dict[str, list[Listener]]:
        """What is open, to hand on."""
        return self._open

    def displays(self) -> list[str]:
        """What is open, for people."""
        return [one.display for listeners in self._open.values() for one in listeners]

    def open(self, settings: Listen) -> list[Listener]:
        """The listeners for all addresses of ``settings``; only those not open yet are opened.

        Raises BindError; nothing is changed then.
        """
        added: dict[str, list[Listener]] = {}
        try:
            for text in settings.bind:
                if text not in self._open and text not in added:
                    added[text] = open_address(text, settings)
        except BaseException:
            for listeners in added.values():
                close_listeners(listeners)
            raise
        self._open |= added
        return [listener for text in settings.bind for listener in self._open[text]]

    def keep_only(self, *kept: Listen) -> None:
        """Close the addresses that are in none of these settings."""
        wanted = {text for settings in kept for text in settings.bind}
        for text in self._open.keys() - wanted:
            close_listeners(self._open.pop(text))

    def hand_over(self) -> None:
        """Close our copies of what another supervisor has now."""
        for listeners in self._open.values():
            for listener in listeners:
                let_go(listener)
        self._open = {}

    def close(self) -> None:
        """Stop listening everywhere."""
        self.keep_only()
