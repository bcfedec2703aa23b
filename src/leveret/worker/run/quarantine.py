"""Who may run now: a request that was delivered before runs alone in the lanes, since a worker may have died on it.

A worker that dies takes down all that runs in it, the guilty request and its neighbours. So a redelivered request has
none in the lanes, as long as the others' patience lasts, and its death is counted against nobody else; only what runs
in the event loop goes on beside it, as that may take long. A request of which the crash journal says that a worker died
on it, a suspect, has no neighbour at all. Nor is there a reply or a letter left that would go out a second time because
of it: it begins when all that was published before is confirmed, and its deliveries are acked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from leveret.worker.run.lanes import Lanes
from leveret.worker.run.lull import Lull
from leveret.worker.work import Work


class Quarantine:
    """Lets the requests of one session begin: suspects first, then what else was delivered before, then all others.

    Args:
        lanes: where ``def`` actions run, and the journal is read.
        lull: says when no lane runs anything.
        begin: begins with requests; their end is told with ``ended``.
        failed: told of requests that cannot begin, because the journal could not be read.
        when_settled: has a function called when all that was published before is confirmed and acked.

    Attributes:
        alone: a suspect runs, or is not settled yet.
    """

    def __init__(
        self,
        lanes: Lanes,
        lull: Lull,
        begin: Callable[[Sequence[Work]], None],
        failed: Callable[[Sequence[Work], Exception], None],
        when_settled: Callable[[Callable[[], None]], None],
    ) -> None:
        self._lanes = lanes
        self._lull = lull
        self._begin = begin
        self._failed = failed
        self._when_settled = when_settled
        self._unknown: list[Work] = []
        self._suspects: deque[Work] = deque()
        self._again: deque[Work] = deque()
        self._others: list[Work] = []
        self._running = 0
        self.alone = False
        self._held = 0
        self._apart = False  # what runs in the lanes was delivered before
        self._clearing_for: Work | None = None  # the suspect that waits for the end of all that went before
        self._turn_awaited = False
        self._looking: asyncio.Task[None] | None = None

    def admit(self, works: Iterable[Work]) -> None:
        """Begin with requests as soon as they may; one that was delivered before is looked up first."""
        for work in works:
            (self._unknown if work.delivery.redelivered else self._others).append(work)
        if self._others:
            self._go_on()
        if self._unknown and self._looking is None:
            # As a task, so that it begins when all deliveries of this read are known.
            self._looking = asyncio.get_running_loop().create_task(self._look())

    def ended(self, count: int) -> None:
        """Say that so many requests that had begun have come to their end."""
        self._running -= count
        self._go_on()

    def hold(self) -> None:
        """Begin with nothing until ``release`` was called as often."""
        self._held += 1

    def release(self) -> None:
        """Begin again with what may run."""
        self._held -= 1
        self._go_on()

    def withdraw(self) -> list[Work]:
        """Give back what has not begun; it does not begin any more."""
        waiting = [*self._suspects, *self._again, *self._others]
        self._clearing_for = None
        for those in (self._suspects, self._again, self._others):
            those.clear()
        return waiting

    def end(self) -> None:
        """Begin with nothing any more."""
        self.withdraw()
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
            attempts = await self._lanes.journal.deaths([work.key for work in works])
        except Exception as error:  # from here the ordinary way: put back in an outage, tried again otherwise
            self._failed(works, error)
            return
        for work in works:
            if attempts.get(work.key):
                self._suspects.append(work)
            else:
                (self._others if work.action.is_async else self._again).append(work)
        self._go_on()

    def _go_on(self) -> None:
        self.alone = self.alone and self._running > 0
        self._apart = self._apart and self._lanes.busy
        if self.alone or self._held:
            return
        if self._suspects:
            self._await_suspects_turn()
        elif self._again or self._apart:
            self._await_next_turn()
        else:
            others, self._others = self._others, []
            self._start(others)

    def _await_suspects_turn(self) -> None:
        suspect = self._suspects[0]
        if not self._running and self._clearing_for is not suspect:
            self._clearing_for = suspect
            self._lull.wait(lambda: self._when_settled(lambda: self._take_suspects_turn(suspect)))

    def _take_suspects_turn(self, suspect: Work) -> None:
        if self._clearing_for is not suspect:
            return
        self._clearing_for = None
        if not (self._held or self._running):
            self.alone = True
            self._start([self._suspects.popleft()])
        else:
            self._go_on()

    def _await_next_turn(self) -> None:
        if (self._again or self._others) and not self._turn_awaited:
            self._turn_awaited = True
            self._lull.wait(self._take_next_turn)

    def _take_next_turn(self) -> None:
        self._turn_awaited = False
        if self.alone or self._held or self._suspects:
            return
        patience_lost = self._lanes.busy
        if patience_lost:  # from now on the journal alone tells the guilty one
            works = [*self._again, *self._others]
            self._again.clear()
            self._others.clear()
        else:
            works = [self._again.popleft()] if self._again else []
        self._apart = bool(works) and not patience_lost
        self._start(works)
        if self._lanes.busy or not works:
            self._go_on()

    def _start(self, works: Sequence[Work]) -> None:
        if works:
            self._running += len(works)
            self._begin(works)
