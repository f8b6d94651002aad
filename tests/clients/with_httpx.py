"""httpx, over HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import httpx

from tests.clients.bodies import Digest, pieces
from tests.clients.program import Facts, answer_rows, refusals, told


async def body(size: int) -> AsyncIterator[bytes]:
    """A body to send, piece by piece."""
    for piece in pieces(size):
        yield piece


class Rows:
    """What it does for each row, with one client for all of them."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def reuse(self, url: str, times: int) -> Facts:
        return {"answers": [(await self.client.get(f"{url}/who")).json() for _ in range(times)]}

    async def upload(self, url: str, size: int, framing: str) -> Facts:
        answer = await self._post(url, size, framing)
        return {"status": answer.status_code, "answer": answer.json()}

    async def refused(self, url: str, size: int, framing: str, times: int) -> Facts:
        async def upload() -> int:
            return (await self._post(url, size, framing)).status_code

        async def following() -> int:
            return (await self.client.get(httpx.URL(url).join("/who"))).status_code

        return await refusals(times, upload, following)

    async def expect(self, url: str, size: int) -> Facts:
        """It sends the field and waits for nothing; 100 must not disturb it."""
        fields = {"Expect": "100-continue"}
        accepted = await self._post(f"{url}/digest", size, "length", fields)
        refused = await self._post(f"{url}/refused", size, "length", fields)
        return {"answer": accepted.json(), "refused": refused.status_code}

    async def download(self, url: str) -> Facts:
        digest = Digest()
        async with self.client.stream("GET", url) as answer:
            async for piece in answer.aiter_raw():
                digest.add(piece)
        return digest.said()

    async def cancel(self, url: str, size: int, after: int, times: int) -> Facts:
        statuses = []
        for _ in range(times):
            await self._cancelled(f"{url}/sized?{size}", after)
            statuses.append((await self.client.get(f"{url}/who")).status_code)
        return {"next": statuses}

    async def _cancelled(self, url: str, after: int) -> None:
        read = 0
        async with self.client.stream("GET", url) as answer:
            async for piece in answer.aiter_raw():
                read += len(piece)
                if read >= after:
                    return

    async def parallel(self, urls: list[str]) -> Facts:
        return {"answers": await asyncio.gather(*map(self.download, urls))}

    async def _post(
        self, url: str, size: int, framing: str, fields: dict[str, str] | None = None
    ) -> httpx.Response:
        fields = dict(fields or {})
        if framing == "length":
            fields["Content-Length"] = str(size)
        return await self.client.post(url, content=body(size), headers=fields)


async def main() -> None:
    options = told()
    trusted = ssl.create_default_context(cafile=options["ca"])
    new = options["http"] == "2"
    async with httpx.AsyncClient(http1=not new, http2=new, verify=trusted, timeout=60) as client:
        await answer_rows(Rows(client))


asyncio.run(main())
