"""Who may run now: requests of which the crash journal says that a worker died on them run alone, all others together.

A worker that dies takes down all that runs in it, the guilty request and its neighbours, and the journal cannot tell
them apart: each of them has one more attempt without an end. From the second such attempt on it can, since there are no
neighbours any more. Nor is there a reply or a letter left that would go out a second time because of a suspect: it
begins when all that was published before is confirmed, and its deliveries are acked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from warren.serving.intake import Work
from warren.serving.lane import Lanes
from warren.store import Key, Store

C = TypeVar("C")


class Quarantine(Generic[C]):
    """Lets the requests of one session begin.

    Args:
        lanes: in one of which the journal is read.
        begin: begins with requests; their end is told with ``ended``.
        failed: told of requests that cannot begin, because the journal could not be read.
        when_settled: has a function called when all that was published before is confirmed and acked.
    """

    def __init__(
        self,
        lanes: Lanes[C],
        begin: Callable[[Sequence[Work]], None],
        failed: Callable[[Sequence[Work], Exception], None],
        when_settled: Callable[[Callable[[], None]], None],
    ) -> None:
        self._lanes = lanes
        self._begin = begin
        self._failed = failed
        self._when_settled = when_settled
        self._unknown: list[Work] = []
        self._suspects: deque[Work] = deque()
        self._others: list[Work] = []
        self._running = 0
        self._alone = False
        self._looking: asyncio.Task[None] | None = None

    def admit(self, works: Iterable[Work]) -> None:
        """Begin with requests as soon as they may; one that was delivered before is looked up first."""
        for work in works:
            (self._unknown if work.delivery.redelivered else self._others).append(work)
        if self._others:
            self._go_on()
        if (
            self._unknown and self._looking is None
        ):  # as a task, so that it begins when all deliveries of this read are known
            self._looking = asyncio.get_running_loop().create_task(self._look())

    def ended(self, count: int) -> None:
        """Say that so many requests that had begun have come to their end."""
        self._running -= count
        self._go_on()

    def end(self) -> None:
        """Begin with nothing any more."""
        self._suspects.clear()
        self._others.clear()
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        try:
            while self._unknown:
                works, self._unknown = self._unknown, []
                await self._tell_apart(works)
        finally:
            self._looking = None

    async def _tell_apart(self, works: Sequence[Work]) -> None:
        try:
            attempts = await self._lanes.run(partial(_attempts, [work.key for work in works]))
        except Exception as error:  # from here the ordinary way: put back in an outage, tried again otherwise
            self._failed(works, error)
            return
        for work in works:
            (self._suspects if attempts.get(work.key) else self._others).append(work)
        self._go_on()

    def _go_on(self) -> None:
        self._alone = self._alone and self._running > 0
        if self._alone:
            return
        if not self._suspects:
            others, self._others = self._others, []
            self._start(others)
        elif not self._running:
            self._alone = True
            suspect = [self._suspects.popleft()]
            self._running += 1
            self._when_settled(lambda: self._begin(suspect))

    def _start(self, works: Sequence[Work]) -> None:
        if works:
            self._running += len(works)
            self._begin(works)


def _attempts(keys: Sequence[Key], store: Store[Any]) -> Mapping[Key, int]:
    return store.attempts(keys)
