"""Who may run now, and in which order, within one session.

Ordinary requests share the floor: they begin when they come. Everything else has the floor alone, one after another, in
this order; until all of it is done, no ordinary request begins:

1. *Moves*: failed requests move to a retry queue or to the dead letters. The message is confirmed before the request is
   acked; the other order could lose the request. A worker that dies in between leaves the request in both places, which
   can lead to two letters for one failure. Workers die because of requests that run, so failed requests are moved while
   no lane runs anything.
2. *Readings* of messages that a worker has died on: while no lane runs anything.
3. *Suspects*, requests that a worker has died on: while nothing runs at all, after everything that was published before
   is confirmed and acked. So if a suspect kills the worker, no other request is counted as the cause, and no reply or
   letter goes out a second time.
4. *Redelivered* requests of ``def`` actions, one at a time in the lanes: a worker may have died on them.

Waiting for the lanes is limited by a budget. ``async def`` actions may take long: only suspects wait until none of them
runs, and a redelivered request of an ``async def`` action is ordinary unless it is a suspect.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from leveret.worker.leave.in_hand import InHand
from leveret.worker.leave.settle import Settlement
from leveret.worker.run.lanes import Lanes
from leveret.worker.run.returns import deaths_running
from leveret.worker.run.wait_budget import WaitBudget
from leveret.worker.work import Work


class _Reading:
    """The turn of one message that is read alone."""

    def __init__(self) -> None:
        self.may_begin = asyncio.Event()
        self.has_ended = asyncio.Event()


class Floor:
    """Lets the requests of one session begin, and moves those that failed.

    Args:
        lanes: run ``def`` actions, and read the crash journal.
        in_hand: the deliveries in hand.
        running: returns how many requests have begun and not ended.
        begin: makes requests run.
        move: publishes the messages that move failed requests on, all of them together.
        cannot_begin: called with requests that cannot begin, because the crash journal could not be read.
        broken: called with an unexpected error; the floor lets nothing begin any more.

    Attributes:
        tending: the task that gives the floor to what needs it alone. While it is None, ordinary requests begin without
            asking.
    """

    def __init__(
        self,
        lanes: Lanes,
        in_hand: InHand,
        *,
        running: Callable[[], int],
        begin: Callable[[Sequence[Work]], None],
        move: Callable[[list[Settlement]], None],
        cannot_begin: Callable[[Sequence[Work], Exception], None],
        broken: Callable[[Exception], None],
    ) -> None:
        self._lanes = lanes
        self._in_hand = in_hand
        self._running = running
        self._begin = begin
        self._move = move
        self._cannot_begin = cannot_begin
        self._broken = broken
        self._moves: list[Settlement] = []
        self._readings: deque[_Reading] = deque()
        self._suspects: deque[Work] = deque()
        self._redelivered: deque[Work] = deque()
        self._others: list[Work] = []
        self._unknown: list[Work] = []
        self._lookups: set[asyncio.Task[None]] = set()
        self._lane_waits = WaitBudget("running actions", lambda: lanes.progress)
        self._confirm_waits = WaitBudget("confirms of moved requests", lambda: self._confirmed)
        self._news = asyncio.Event()
        self._confirmed = 0
        self.tending: asyncio.Task[None] | None = None

    def admit(self, works: Sequence[Work]) -> None:
        """Let requests begin as soon as they may; redelivered ones are first looked up in the crash journal."""
        ordinary = [work for work in works if not work.delivery.redelivered]
        if len(ordinary) < len(works):
            self._look_up([work for work in works if work.delivery.redelivered])
        self._admit_ordinary(ordinary)

    def moved(self, settlements: Sequence[Settlement]) -> None:
        """Move failed requests on as soon as no lane runs anything, and let nothing begin until they are settled.

        If the budget for waiting is used up, they are moved at once, whatever runs.
        """
        self._moves.extend(settlements)
        if self._confirm_waits.used_up or (self._lanes.busy and self._lane_waits.used_up):
            self._move_all()
        else:
            self._close()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold the floor alone while a message is read: no lane runs anything, and nothing begins."""
        reading = _Reading()
        self._readings.append(reading)
        self._close()
        try:
            await reading.may_begin.wait()
            yield
        finally:
            reading.has_ended.set()
            self._news.set()

    def look(self) -> None:
        """Look again at which requests may run, because one has ended."""
        self._news.set()

    def withdraw(self) -> list[Work]:
        """Return the requests that have not begun; they do not begin any more."""
        waiting = [*self._suspects, *self._redelivered, *self._others]
        for works in (self._suspects, self._redelivered, self._others):
            works.clear()
        self._news.set()
        return waiting

    def end(self) -> None:
        """Begin and move nothing any more: the session is over, and the broker delivers again what was not acked."""
        self.withdraw()
        self._moves.clear()
        for task in self._lookups:
            task.cancel()
        if self.tending is not None:
            self.tending.cancel()

    async def _tend(self) -> None:
        """Give the floor to what needs it alone, in order, and then to the others; after each step, look again."""
        while self._moves or self._readings or self._suspects or self._redelivered:
            idle = await self._quiet()
            if self._moves:
                await self._move_and_settle(idle=idle)
            elif self._readings:
                await self._let_read(self._readings.popleft())
            elif self._suspects:
                await self._run_suspect(self._suspects[0])
            elif self._redelivered:
                await self._run_redelivered(idle=idle)
        self.tending = None
        others = list(self._others)
        self._others.clear()
        self._start(others)

    async def _quiet(self) -> bool:
        """Wait until no lane runs anything; return False if that takes too long.

        Before a suspect's turn, it waits until nothing runs at all, however long that takes.
        """
        while self._suspects and self._running() and not (self._moves or self._readings):
            await self._wait_for_news()
        return not self._lanes.busy or await self._lane_waits.wait(self._lanes.idle)

    async def _move_and_settle(self, *, idle: bool) -> None:
        """Move failed requests; wait for the confirms only if no lane runs anything (``idle``)."""
        self._move_all()
        if idle and not await self._confirm_waits.wait(self._settled):
            self._move_all()

    async def _settled(self) -> None:
        """Wait until what was published is confirmed and acked, and move what fails in the meantime."""
        await self._in_hand.settled()
        while self._moves and not self._lanes.busy:
            self._confirmed += 1
            self._move_all()
            await self._in_hand.settled()

    async def _let_read(self, reading: _Reading) -> None:
        """Let a message be read; requests that fail meanwhile wait for its end, within the budget for the lanes."""
        reading.may_begin.set()
        while not reading.has_ended.is_set():
            if not self._moves:
                await self._wait_for_news()
            elif not await self._lane_waits.wait(reading.has_ended.wait):
                self._move_all()

    async def _run_suspect(self, suspect: Work) -> None:
        """Run a suspect, from the last ack before it to its own ack; return early if something else has to be first."""
        settled = self._tells(self._in_hand.settled())
        while self._is_next(suspect) and not settled.done():
            await self._wait_for_news()
        if not self._is_next(suspect):
            return
        released = self._tells(self._in_hand.released(suspect.delivery.delivery_tag))
        self._start([self._suspects.popleft()])
        while not released.done():
            await self._wait_for_news()
            if self._moves:
                await self._move_and_settle(idle=await self._quiet())

    def _is_next(self, suspect: Work) -> bool:
        others = self._running() or self._moves or self._readings
        return not others and bool(self._suspects) and self._suspects[0] is suspect

    async def _run_redelivered(self, *, idle: bool) -> None:
        """Run one redelivered request to its end; if a lane still runs something (not ``idle``), run all at once."""
        works = [self._redelivered.popleft() for _ in range(1 if idle else len(self._redelivered))]
        self._start(works)
        if idle and self._lanes.busy:
            await self._lane_waits.wait(self._lanes.idle)

    def _look_up(self, works: Sequence[Work]) -> None:
        """Look up requests in the crash journal, in a task, which begins when all deliveries of a read are known."""
        if not self._unknown:
            task = asyncio.get_running_loop().create_task(self._tell_apart())
            self._lookups.add(task)
            task.add_done_callback(self._lookups.discard)
            task.add_done_callback(self._see_error)
        self._unknown.extend(works)

    async def _tell_apart(self) -> None:
        works = list(self._unknown)
        self._unknown.clear()
        try:
            if not self._lanes.journal.lasting:
                await self._lanes.journal.learn({work.key: deaths_running(work.delivery) for work in works})
                random.shuffle(works)  # in another order after each death, so that all but the one to blame end
            deaths = await self._lanes.journal.deaths([work.key for work in works])
        except Exception as error:  # settled like a failed attempt: put back in an outage, otherwise retried
            self._cannot_begin(works, error)
            return
        ordinary: list[Work] = []
        for work in works:
            if deaths.get(work.key):
                self._suspects.append(work)
            else:
                (ordinary if work.action.is_async else self._redelivered).append(work)
        if len(ordinary) < len(works):
            self._close()
        self._admit_ordinary(ordinary)

    def _admit_ordinary(self, works: list[Work]) -> None:
        if self.tending is None:
            self._start(works)
        else:
            self._others.extend(works)

    def _close(self) -> None:
        """Let nothing begin until everything that needs the floor alone has had it."""
        self._news.set()
        if self.tending is None:
            self.tending = asyncio.get_running_loop().create_task(self._tend())
            self.tending.add_done_callback(self._see_error)

    def _see_error(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._broken(error)

    def _start(self, works: Sequence[Work]) -> None:
        if works:
            self._begin(works)

    def _move_all(self) -> None:
        moves = list(self._moves)
        self._moves.clear()
        if moves:
            self._move(moves)

    async def _wait_for_news(self) -> None:
        """Wait until something has happened; the caller then looks at everything again."""
        self._news.clear()
        await self._news.wait()

    def _tells(self, future: asyncio.Future[None]) -> asyncio.Future[None]:
        """Make the end of a future wake the task that waits for news."""
        future.add_done_callback(lambda _: self._news.set())
        return future
