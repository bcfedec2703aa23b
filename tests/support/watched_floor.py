"""A floor, and what happens on it: what begins, what is moved, and what a test confirms."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Final, cast

from leveret.amqp import Channel
from leveret.sql.records import RequestKey
from leveret.worker.leave.in_hand import InHand
from leveret.worker.leave.settle import Settlement
from leveret.worker.run.floor import Floor
from leveret.worker.run.lanes import Lanes
from leveret.worker.work import Work
from support.batches import Acks
from support.fake_lanes import FakeLanes
from support.skipping_loop import run_skipping
from support.works import work

PROBE: Final = "probe"
POISON: Final = "poison"
"""The request that nobody can move."""

SUSPECT: Final = "suspect"
"""The request of which the crash journal knows a death."""


class WatchedFloor:
    """A floor of one session, with lanes that a test makes busy and idle.

    Attributes:
        begun: names of the requests that have begun, in order.
        moved: names of the failed requests that were published, as they were published together.
        broken: errors that the floor has told of.
    """

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.moved: list[list[str]] = []
        self.broken: list[Exception] = []
        self.lanes = FakeLanes({RequestKey("", SUSPECT): 1})
        self.in_hand = InHand(cast("Channel", Acks()))
        self._running = 0
        self.floor = Floor(
            cast("Lanes", self.lanes),
            self.in_hand,
            running=lambda: self._running,
            begin=self._begin,
            move=self._move,
            cannot_begin=self._cannot_begin,
            broken=self.broken.append,
        )
        self._probed = False
        self._tags = count(1)
        self._tag_of: dict[str, int] = {}

    def admit(self, *works: Work) -> None:
        """Have requests come."""
        for each in works:
            self._tag_of[each.request.id] = each.delivery.delivery_tag
            self.in_hand.add(each.delivery.delivery_tag)
        self.floor.admit(works)

    def new(self, name: str, *, is_async: bool = False) -> Work:
        """A request that comes for the first time."""
        return work(name, next(self._tags), is_async=is_async)

    def again(self, name: str, *, is_async: bool = False) -> Work:
        """A request that was delivered before."""
        return work(name, next(self._tags), is_async=is_async, redelivered=True)

    def publish(self, name: str) -> None:
        """Have a message be published that the broker has to confirm."""
        if name not in self._tag_of:
            self._tag_of[name] = next(self._tags)
            self.in_hand.add(self._tag_of[name])
        self.in_hand.publish([self._tag_of[name]])

    def fail(self, *names: str) -> None:
        """Have requests fail that have to be moved."""
        self.floor.moved(cast("list[Settlement]", list(names)))

    async def confirm(self, *names: str) -> None:
        """Have what was published be confirmed and acked."""
        self.in_hand.ack([self._tag_of[name] for name in names])
        await turns()

    def end(self) -> None:
        """Have a job end in the lanes, and its request with it."""
        self.lanes.end(self.end_request)

    def end_request(self) -> None:
        """Have a request end that may have run elsewhere than in the lanes."""
        self._running -= 1
        self.floor.look()

    def is_open(self) -> bool:
        """Whether a new request begins at once; it ends at once, too."""
        self._probed = False
        self.floor.admit([self.new(PROBE, is_async=True)])
        return self._probed

    def _begin(self, works: Sequence[Work]) -> None:
        self._running += len(works)
        for each in works:
            if each.request.id == PROBE:
                self._probed = True
                self.end_request()
            else:
                self.begun.append(each.request.id)
            if not each.action.is_async:
                self.lanes.begin()

    def _move(self, settlements: list[Settlement]) -> None:
        names = cast("list[str]", settlements)
        self.moved.append(list(names))
        if POISON in names:
            raise RuntimeError(POISON)
        for name in names:
            self.publish(name)

    def _cannot_begin(self, works: Sequence[Work], error: Exception) -> None:
        raise AssertionError(works) from error


async def turns(number: int = 8) -> None:
    """Let the event loop do what is due."""
    for _ in range(number):
        await asyncio.sleep(0)


def on_floor(test: Callable[[WatchedFloor], Awaitable[None]]) -> Callable[[], None]:
    """Run a test with a floor, in a loop whose clock jumps."""

    async def main() -> None:
        floor = WatchedFloor()
        await test(floor)
        floor.floor.end()

    def run() -> None:
        run_skipping(main())

    run.__name__ = test.__name__
    return run
