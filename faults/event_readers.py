"""Readers of events that are cut off again and again, and resume; and a gateway for them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, Final

import httpx2

from faults.system import System
from leveret.web.gateway.serving import GatewayOptions, serve_gateway
from taskmanager.actions import app

_LONGEST_CUT: Final = 0.5
"""Seconds that a reader is away at most."""


class EventReader:
    """Follows the events of one user; after a few of them it drops its connection and comes back.

    Args:
        url: address of the gateway.
        token: the user's.
        random: decides when it drops its connection.

    Attributes:
        seen: how often each event came, by its id.
        subjects: of which tasks a creation was told, and how often.
        cuts: how often it dropped its connection.
    """

    def __init__(self, url: str, token: str, random: Random) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._random = random
        self._last_id = ""
        self.begun = asyncio.Event()
        self.seen: Counter[str] = Counter()
        self.subjects: Counter[int] = Counter()
        self.cuts = 0

    async def follow(self) -> None:
        """Read until cancelled."""
        async with httpx2.AsyncClient(timeout=30) as http:
            while True:
                with suppress(httpx2.HTTPError):
                    await self._read(http, self._random.randint(1, 40))
                    self.cuts += 1
                await asyncio.sleep(self._random.uniform(0, _LONGEST_CUT))

    async def _read(self, http: httpx2.AsyncClient, most: int) -> None:
        """Read that many events over one connection."""
        headers = self._headers | ({"Last-Event-ID": self._last_id} if self._last_id else {})
        fields: dict[str, str] = {}
        async with http.stream("GET", f"{self._url}events", headers=headers) as response:
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                    continue
                self._last_id = fields.get("id", self._last_id)
                self.begun.set()
                if "data" in fields:
                    self._note(json.loads(fields["data"]))
                    most -= 1
                fields = {}
                if not most:
                    return

    def _note(self, event: dict[str, Any]) -> None:
        self.seen[event["id"]] += 1
        self.subjects[int(event["subject"])] += 1


@asynccontextmanager
async def readers(system: System) -> AsyncIterator[dict[int, EventReader]]:
    """Run a gateway, and a reader for each user, while the block runs; all have begun to read."""
    stop, address = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve_gateway(app, system.worker_settings, GatewayOptions(port=0), stop, address.set_result)
    )
    await asyncio.wait({serving, address}, return_when=asyncio.FIRST_COMPLETED)
    url = await address
    found = {user: EventReader(url, token, Random(user)) for user, token in system.tokens.items()}  # noqa: S311 -- not secret
    following = [asyncio.create_task(each.follow()) for each in found.values()]
    try:
        for each in found.values():
            await each.begun.wait()
        yield found
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        stop.set()
        await serving
