"""What every client in Python has: a row is read as a line of JSON, and what it saw written as one.

A row has its name under "do"; the rest are arguments of the method with that name. The program ends
with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Facts = dict[str, Any]


def told() -> dict[str, Any]:
    """How to ask: "http", the version, and "ca", the file of the authority to trust or null."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    return options


async def answer_rows(client: object) -> None:
    """Do the rows one after the other, by methods that may be coroutines."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        row = json.loads(line)
        facts = await attempt(getattr(client, row.pop("do")), **row)
        print(json.dumps(facts if isinstance(facts, dict) else {"error": facts}), flush=True)


async def attempt(ask: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """What a call gives, or the text of its error: it is a fact like any other."""
    try:
        result = ask(*given, **named)
        return await result if isinstance(result, Awaitable) else result
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def refusals(times: int, upload: Callable[[], Any], following: Callable[[], Any]) -> Facts:
    """What each try of an upload comes to, and the next request after it."""
    statuses, after = [], []
    for _ in range(times):
        statuses.append(await attempt(upload))
        after.append(await attempt(following))
    return {"statuses": statuses, "next": after}
