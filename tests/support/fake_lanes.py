"""Lanes that a test can make busy and idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from leveret.sql.records import RequestKey


class FakeLanes:
    """Stands in for lanes.

    Args:
        deaths: what the crash journal says.
        lookup: seconds that it takes to ask it.

    Attributes:
        progress: how many jobs came to an end.
        journal: what it says is ``deaths``, whatever is written into it.
    """

    def __init__(
        self,
        deaths: Mapping[RequestKey, int] | None = None,
        *,
        busy: bool = False,
        lookup: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.progress = 0
        self.journal = FakeJournal(deaths or {}, lookup)
        self._open = int(busy)
        self._until_idle: list[asyncio.Future[None]] = []

    @property
    def busy(self) -> bool:
        """Whether something runs."""
        return self._open > 0

    async def idle(self) -> None:
        """As lanes do it."""
        if self.busy:
            self._until_idle.append(asyncio.get_running_loop().create_future())
            await self._until_idle[-1]

    def begin(self) -> None:
        """Have a job run."""
        self._open += 1

    def end(self, report: Callable[[], None] = lambda: None) -> None:
        """Have a job end; the report is what its result leads to."""
        self._open -= 1
        self.progress += 1
        report()
        if not self.busy:
            for moment in self._until_idle:
                if not moment.done():
                    moment.set_result(None)
            self._until_idle.clear()


class FakeJournal:
    """In place of the lanes' crash journal: it says what it was made with, whatever is written into it.

    Attributes:
        on_found: told of keys that were looked up, before anybody else learns of it.
    """

    def __init__(self, deaths: Mapping[RequestKey, int], lookup: Callable[[], float]) -> None:
        self.lasting = True
        self.on_found: Callable[[Sequence[RequestKey]], None] = lambda _: None
        self._deaths = deaths
        self._lookup = lookup

    def deaths(self, keys: Sequence[RequestKey]) -> asyncio.Future[Mapping[RequestKey, int]]:
        """As the journal does it."""
        found: asyncio.Future[Mapping[RequestKey, int]] = asyncio.get_running_loop().create_future()

        def find() -> None:
            if not found.done():
                self.on_found(keys)
                found.set_result(self._deaths)

        if delay := self._lookup():
            asyncio.get_running_loop().call_later(delay, find)
        else:
            find()
        return found

    async def begin(self, keys: Sequence[RequestKey]) -> Mapping[RequestKey, int]:
        """As the journal does it."""
        return await self.deaths(keys)

    async def ended(self, keys: Sequence[RequestKey]) -> None:
        """As the journal does it."""

    def end(self, keys: Sequence[RequestKey]) -> None:
        """As the journal does it."""
