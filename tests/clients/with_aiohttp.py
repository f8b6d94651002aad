"""The client of aiohttp, over HTTP/1.1."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import aiohttp

from tests.clients.bodies import Digest, pieces
from tests.clients.program import Facts, answer_rows, refusals, told


async def body(size: int) -> AsyncIterator[bytes]:
    """A body to send, piece by piece."""
    for piece in pieces(size):
        yield piece


class Rows:
    """What it does for each row, with one session for all of them."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def reuse(self, url: str, times: int) -> Facts:
        answers = []
        for _ in range(times):
            async with self.session.get(f"{url}/who") as answer:
                answers.append(await answer.json(content_type=None))
        return {"answers": answers}

    async def upload(self, url: str, size: int, framing: str) -> Facts:
        async with self._post(url, size, framing) as answer:
            return {"status": answer.status, "answer": await answer.json(content_type=None)}

    async def refused(self, url: str, size: int, framing: str, times: int) -> Facts:
        async def upload() -> int:
            async with self._post(url, size, framing) as answer:
                await answer.read()
                return answer.status

        async def following() -> int:
            return await self._get(urljoin(url, "/who"))

        return await refusals(times, upload, following)

    async def expect(self, url: str, size: int) -> Facts:
        """It waits for 100 before it sends the body."""
        async with self._post(f"{url}/digest", size, "length", expect100=True) as accepted:
            said = await accepted.json(content_type=None)
        async with self._post(f"{url}/refused", size, "length", expect100=True) as refused:
            return {"answer": said, "refused": refused.status}

    async def download(self, url: str) -> Facts:
        digest = Digest()
        async with self.session.get(url) as answer:
            async for piece in answer.content.iter_any():
                digest.add(piece)
        return digest.said()

    async def cancel(self, url: str, size: int, after: int, times: int) -> Facts:
        statuses = []
        for _ in range(times):
            async with self.session.get(f"{url}/sized?{size}") as answer:
                await answer.content.readexactly(after)
            statuses.append(await self._get(f"{url}/who"))
        return {"next": statuses}

    async def parallel(self, urls: list[str]) -> Facts:
        return {"answers": await asyncio.gather(*map(self.download, urls))}

    async def _get(self, url: str) -> int:
        async with self.session.get(url) as answer:
            await answer.read()
            return answer.status

    def _post(
        self, url: str, size: int, framing: str, expect100: bool = False
    ) -> aiohttp.client._RequestContextManager:
        fields = {"Content-Length": str(size)} if framing == "length" else {}
        return self.session.post(url, data=body(size), headers=fields, expect100=expect100)


async def main() -> None:
    options = told()
    trusted = ssl.create_default_context(cafile=options["ca"])
    connector = aiohttp.TCPConnector(ssl=trusted)
    timeout = aiohttp.ClientTimeout(sock_read=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        await answer_rows(Rows(session))


asyncio.run(main())
