"""A headless Chromium and its pages, driven over the DevTools protocol."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.kit.process import Output
from tests.kit.waiting import wait_until

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--remote-debugging-port=0",
    "--no-sandbox",  # which root can't have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--ignore-certificate-errors",
)
LISTENING = re.compile(r"DevTools listening on (ws://\S+)")


def find_chromium() -> str | None:
    """A Chromium of this machine."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression, of the promise that it gives if it is one."""
        said = self._browser.call(
            "Runtime.evaluate",
            session=self._session,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def key_exchange(self) -> str:
        """How the page's keys were agreed, by its TLS name."""
        responses = self._browser.seen("Network.responseReceived", self._session)
        group = responses[0]["response"]["securityDetails"]["keyExchangeGroup"]
        assert isinstance(group, str)
        return group

    def until(self, expression: str, *, deadline: float = 20.0) -> Any:
        """Wait until an expression is true; what it is then."""
        return wait_until(lambda: self.run(expression), expression, deadline=deadline)


class Browser:
    """One process; its commands are answered in order."""

    def __init__(self, socket: Connection) -> None:
        self._socket = socket
        self._number = 0
        self._events: list[dict[str, Any]] = []

    def call(self, method: str, *, session: str | None = None, **parameters: Any) -> Any:
        """Give a command and wait for its result; what else happens is kept for `seen`."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(command | ({"sessionId": session} if session else {})))
        while (answer := json.loads(self._socket.recv(20))).get("id") != self._number:
            self._events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def seen(self, event: str, session: str) -> list[dict[str, Any]]:
        """The parameters of all events of a kind so far."""
        events = (one for one in self._events if one.get("sessionId") == session)
        return [one["params"] for one in events if one["method"] == event]

    def open(self, url: str) -> Page:
        """A new tab in which ``url`` has been loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Network.enable", session=session)
        went = self.call("Page.navigate", session=session, url=url)
        assert not went.get("errorText"), (url, went["errorText"])
        page = Page(self, session)
        page.until("location.href !== 'about:blank' && document.readyState === 'complete'")
        return page


@contextmanager
def browse() -> Iterator[Browser]:
    """A browser with a profile of its own, until the block ends."""
    chromium = find_chromium()
    assert chromium is not None, "there is no Chromium"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [chromium, *OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # Debian's command is a script that waits for the browser: the group is ended, so both.
            start_new_session=True,
        )
        assert process.stderr is not None
        output = Output(process.stderr)
        try:
            said = output.wait(lambda text: LISTENING.search(text) is not None, "its address")
            address = LISTENING.search(said)
            assert address is not None
            with connect(address[1], max_size=None, proxy=None) as socket:
                browser = Browser(socket)
                yield browser
                browser.call("Browser.close")
            process.wait(10)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
            output.finish()
