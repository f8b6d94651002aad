"""requests, that is urllib3 and http.client: it sends all of a body, then looks for an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

import requests

from tests.clients.bodies import PIECE, Digest, pieces
from tests.clients.program import Facts, answer_rows, refusals, told

TIMEOUT = 60
"""Seconds without a byte."""


class Sized:
    """A body to send whose length is known: requests looks for ``__len__``."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        return pieces(self.size)


class Rows:
    """What it does for each row, with one session for all of them."""

    def __init__(self, session: requests.Session) -> None:
        self.session = session

    def reuse(self, url: str, times: int) -> Facts:
        return {"answers": [self._get(f"{url}/who").json() for _ in range(times)]}

    def upload(self, url: str, size: int, framing: str) -> Facts:
        answer = self._post(url, size, framing)
        return {"status": answer.status_code, "answer": answer.json()}

    async def refused(self, url: str, size: int, framing: str, times: int) -> Facts:
        def upload() -> int:
            return self._post(url, size, framing).status_code

        def following() -> int:
            return self._get(urljoin(url, "/who")).status_code

        return await refusals(times, upload, following)

    def expect(self, url: str, size: int) -> Facts:
        """It sends the field and waits for nothing; 100 must not disturb it."""
        fields = {"Expect": "100-continue"}
        accepted = self._post(f"{url}/digest", size, "length", fields)
        refused = self._post(f"{url}/refused", size, "length", fields)
        return {"answer": accepted.json(), "refused": refused.status_code}

    def download(self, url: str) -> Facts:
        digest = Digest()
        with self.session.get(url, stream=True, timeout=TIMEOUT) as answer:
            for piece in answer.iter_content(PIECE):
                digest.add(piece)
        return digest.said()

    def cancel(self, url: str, size: int, after: int, times: int) -> Facts:
        statuses = []
        for _ in range(times):
            with self.session.get(f"{url}/sized?{size}", stream=True, timeout=TIMEOUT) as answer:
                answer.raw.read(after)
            statuses.append(self._get(f"{url}/who").status_code)
        return {"next": statuses}

    def parallel(self, urls: list[str]) -> Facts:
        with ThreadPoolExecutor(len(urls)) as pool:
            return {"answers": list(pool.map(self.download, urls))}

    def _get(self, url: str) -> requests.Response:
        return self.session.get(url, timeout=TIMEOUT)

    def _post(
        self, url: str, size: int, framing: str, fields: dict[str, str] | None = None
    ) -> requests.Response:
        body = Sized(size) if framing == "length" else pieces(size)
        return self.session.post(url, data=body, headers=fields, timeout=TIMEOUT)


def main() -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = told()["ca"] or True
        asyncio.run(answer_rows(Rows(session)))


main()
