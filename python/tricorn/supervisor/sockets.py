"""The listening sockets of all generations: opened once, kept over reloads, closed when unused.

With ``--reuse-port`` each worker has a numbered *seat* (`tricorn.net.seat`) at each TCP address.
Seats are kept here too, so that a worker's successor goes on with what it accepted on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence

from tricorn.config.address import RedirectAddress, parse_address
from tricorn.config.serving import Listen
from tricorn.net.listen import close_listeners, open_address
from tricorn.net.listener import Listener
from tricorn.net.seat import check_kind, close_seat, has_seats, open_seat
from tricorn.net.takeover import let_go

_log = logging.getLogger("tricorn.supervisor")

_SEAT = re.compile(r"seat (\d+) at (.*)", re.DOTALL)
"""How a seat is called where sockets are handed on: no address begins so."""


class Sockets:
    """Listeners by the address as it is written in the configuration."""

    def __init__(self, taken_over: dict[str, list[Listener]]) -> None:
        self._open: dict[str, list[Listener]] = {}
        self._seats: dict[tuple[str, int], list[Listener]] = {}
        self._handed_on: set[tuple[str, int]] = set()
        self._lent: list[tuple[Listener, str | None]] = []
        """Those of a supervisor that may go on with them, and the files that it has for them."""
        for name, listeners in taken_over.items():
            seat = _SEAT.fullmatch(name)
            redirects = isinstance(parse_address(seat[2] if seat else name), RedirectAddress)
            for listener in listeners:
                listener.redirects = redirects
                self._lent.append((listener, listener.path))
                listener.path = None
            if seat:
                self._seats[seat[2], int(seat[1])] = listeners
            else:
                self._open[name] = listeners

    def take_over(self) -> None:
        """The supervisor before us goes: the files of its sockets are ours to remove."""
        for listener, path in self._lent:
            listener.path = path
        self._lent = []

    def hand_on(self) -> dict[str, list[Listener]]:
        """What is open, for another supervisor, by the names that it knows."""
        self._handed_on = set(self._seats)
        seats = {f"seat {seat} at {text}": own for (text, seat), own in self._seats.items()}
        return self._open | seats

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
                if text in self._open:
                    check_kind(text, self._open[text], settings)
                elif text not in added:
                    added[text] = open_address(text, settings, only_reserve=True)
        except BaseException:
            for listeners in added.values():
                close_listeners(listeners)
            raise
        self._open |= added
        return [listener for text in settings.bind for listener in self._open[text]]

    def of_worker(self, settings: Listen, seat: int) -> list[Listener]:
        """What a worker accepts on; all addresses are open."""
        return [
            listener
            for text in settings.bind
            for listener in (
                self._seat(text, seat, settings) if has_seats(text, settings) else self._open[text]
            )
        ]

    def _seat(self, text: str, seat: int, settings: Listen) -> list[Listener]:
        if (text, seat) not in self._seats:
            try:
                self._seats[text, seat] = [open_seat(one) for one in self._open[text]]
            except OSError as error:
                others = [own for (name, _), own in self._seats.items() if name == text]
                if not others:
                    raise
                # The server goes on: two workers on one socket are better than one that is missing.
                _log.error("no socket for one more worker at %s: %s; two share one", text, error)
                return others[0]
        for listener in self._seats[text, seat]:
            listener.backlog = settings.backlog
        return self._seats[text, seat]

    def keep_seats(self, kept: Collection[int]) -> None:
        """Close the seats that nobody needs; a worker that leaves lets in who waits there."""
        for text, seat in list(self._seats):
            if seat not in kept:
                for listener in self._seats.pop((text, seat)):
                    close_seat(listener)

    def leave_to(self, own: Sequence[Listener]) -> None:
        """In a worker: close the seats of others, whose sockets must end with them."""
        for listeners in self._seats.values():
            for listener in listeners:
                if listener not in own:
                    let_go(listener)

    def keep_only(self, *kept: Listen) -> None:
        """Close the addresses that are in none of these settings."""
        wanted = {text for settings in kept for text in settings.bind}
        for text in self._open.keys() - wanted:
            close_listeners(self._open.pop(text))
        for text, seat in list(self._seats):
            if text not in wanted:
                close_listeners(self._seats.pop((text, seat)))

    def hand_over(self) -> None:
        """Close our copies of what another supervisor has now, and the seats it has not."""
        for listener in (one for listeners in self._open.values() for one in listeners):
            let_go(listener)
        for place, listeners in self._seats.items():
            for listener in listeners:
                (let_go if place in self._handed_on else close_seat)(listener)
        self._open, self._seats = {}, {}

    def close(self) -> None:
        """Stop listening everywhere."""
        self.keep_only()
