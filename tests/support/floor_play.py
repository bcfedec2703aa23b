"""A floor on which all happens by chance: who runs, fails, is put back, is read; outages and lost sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from typing import Final, cast

from leveret.amqp import Channel
from leveret.sql.records import RequestKey
from leveret.worker.leave.in_hand import InHand
from leveret.worker.leave.settle import Settlement
from leveret.worker.run.floor import Floor
from leveret.worker.run.lanes import Lanes
from leveret.worker.run.wait_budget import MOST
from leveret.worker.work import Work
from support.batches import Acks
from support.fake_lanes import FakeLanes
from support.floor_rules import Asked, Place, Rules
from support.works import work

REQUESTS: Final = 30
LONG: Final = 4 * MOST
"""Seconds that an action takes now and then, and a confirm where they are slow."""

DEADLINE: Final = REQUESTS * LONG * 3
"""Seconds after which everything must have come to its end."""


class Play:
    """One run: requests come, take their time, end well or badly, and are confirmed, all by chance.

    Args:
        seed: decides about everything; confirms are slow where it is odd.

    Attributes:
        rules: note what must not have been.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._confirms = [0.002, 0.05] if not seed % 2 else [0.002, 0.2, LONG]
        self.asked = {str(number): self._asked(str(number)) for number in range(REQUESTS)}
        self.lanes = FakeLanes(
            {RequestKey("", one.name): 1 for one in self.asked.values() if one.is_suspect},
            lookup=lambda: self.random.choice([0.0, 0.003, 0.4]),
        )
        self.rules = Rules(self.asked, self.lanes)
        self.lanes.journal.on_found = self.rules.looked_up
        self.outages, self.losses = self.random.choice([0, 1, 3]), self.random.choice([0, 0, 1, 2])
        self.session = Session(self)

    async def run(self) -> None:
        """Let all requests come, and time pass until all must be at their end."""
        loop = asyncio.get_running_loop()
        with self.rules.listening():
            while self.rules.unsettled() and loop.time() < DEADLINE:
                self._happen()
                await asyncio.sleep(self.random.choice([0.0, 0.01, 0.05, 1.0]))
                self.rules.look()
        self.session.end()

    def later(self, seconds: Sequence[float], do: Callable[[], None]) -> None:
        """Do something after one of these times."""
        asyncio.get_running_loop().call_later(self.random.choice(seconds), do)

    def _asked(self, name: str) -> Asked:
        again = self.random.random() < 0.5
        return Asked(name, self.random.random() < 0.3, again, again and self.random.random() < 0.3)

    def _happen(self) -> None:
        away = [one for one in self.asked.values() if one.state == "away"]
        chance = self.random.random()
        if chance < 0.05 and self.losses:
            self.losses -= 1
            self.session.end()
            self.session = Session(self)
        elif chance < 0.15:
            self.session.reject()
        elif chance < 0.25 and away:
            self.session.read(away[0])
        elif chance < 0.8:
            self.session.deliver(away[: self.random.choice([1, 2, 10])])


class Session:
    """From one loss of the broker to the next: a floor of its own, on the lanes of the worker."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.rules = play.rules
        self.lanes = play.lanes
        self.in_hand = InHand(cast("Channel", Acks()))
        self.over = False
        self._tags = count(1)
        self._readings: set[asyncio.Task[None]] = set()
        self._running = 0
        self._floor = Floor(
            cast("Lanes", self.lanes),
            self.in_hand,
            running=lambda: self._running,
            begin=self._begin,
            move=self._move,
            cannot_begin=self._cannot_begin,
            broken=self._broken,
        )

    def deliver(self, asked: Sequence[Asked]) -> None:
        """Have requests come."""
        works: list[Work] = []
        for one in asked:
            one.state, one.tag = "waiting", next(self._tags)
            one.known_at = None if one.again else self.rules.now()
            self.rules.happened()
            self.in_hand.add(one.tag)
            works.append(work(one.name, one.tag, is_async=one.is_async, redelivered=one.again))
        if self._floor.tending is None and not any(one.again for one in asked):
            self._begin(works)  # as the pipeline does it
        else:
            self._floor.admit(works)

    def reject(self) -> None:
        """Publish a reply to a request that does not run."""
        tag = next(self._tags)
        self.in_hand.add(tag)
        self.in_hand.publish([tag])
        self.rules.published(tag, rejected=True)
        self.play.later(self.play._confirms, lambda: self._ack([], [tag]))

    def read(self, one: Asked) -> None:
        """Have a message be read alone, and then begin."""
        one.state, one.again = "read", True
        task = asyncio.get_running_loop().create_task(self._read(one))
        self._readings.add(task)
        task.add_done_callback(self._readings.discard)

    def end(self) -> None:
        """Lose the broker: it delivers again whatever is not acked."""
        self.over = True
        self._floor.end()
        for task in self._readings:
            task.cancel()
        self.rules.lost()

    async def _read(self, one: Asked) -> None:
        self.rules.wants_to_read(one)
        async with self._floor.alone():
            with self.rules.reading(one):
                await asyncio.sleep(self.play.random.choice([0.001, 0.05]))
                self.deliver([one])

    def _begin(self, works: Sequence[Work]) -> None:
        asked = [self.play.asked[each.request.id] for each in works]
        self.rules.begin(asked, over=self.over)
        self._running += len(works)
        for one in asked:
            if one.is_async:
                self._use_lane_now_and_then(one)
            else:
                self.lanes.begin()
                self.rules.lane_taken((one.name, self))
            self.play.later([0.001, 0.05, 0.5, LONG], lambda one=one, tag=one.tag: self._end(one, tag))  # type: ignore[misc]

    def _use_lane_now_and_then(self, one: Asked) -> None:
        """As an async action does with its transactions."""
        place, left = self._transaction(one), iter(range(self.play.random.choice([1, 5])))

        def take() -> None:
            if not self.over and one.state == "running" and next(left, None) is not None:
                self.lanes.begin()
                self.rules.lane_taken(place)
                self.play.later([0.001, 0.05], leave)

        def leave() -> None:
            self.rules.lane_left(place)
            self.lanes.end()
            take()  # its next one begins in the same turn of the loop

        if self.play.random.random() < 0.3:
            self.play.later([0.0, 0.04], take)

    def _transaction(self, one: Asked) -> Place:
        return f"transaction of {one.name}", self

    def _end(self, one: Asked, tag: int) -> None:
        def report() -> None:
            if not self.over and one.tag == tag:
                self._report(one)

        if one.is_async and self.rules.in_lane(self._transaction(one)):
            self.play.later([0.001], lambda: self._end(one, tag))  # it ends after that
        elif one.is_async:
            report()
        else:
            self.rules.lane_left((one.name, self))
            self.lanes.end(report)

    def _report(self, one: Asked) -> None:
        """Do what the worker does with a result: settle what it came to, and tell the floor."""
        one.state = "ended"
        chance = self.play.random.random()
        if chance < 0.3:
            self.rules.wants_to_move(one)
            self._floor.moved(cast("list[Settlement]", [one]))
        elif chance < 0.5 and self.play.outages:
            self.play.outages -= 1
            self._put_back(one)
        else:
            self._publish([one])
        self._running -= 1
        self._floor.look()

    def _put_back(self, one: Asked) -> None:
        """Have an outage: all that waits goes back with the one that met it, a moment later."""
        back = [one, *(self.play.asked[each.request.id] for each in self._floor.withdraw())]
        self.rules.withdrawn(back)

        def put_back() -> None:
            if not self.over:
                self.rules.put_back(back)
                self.in_hand.put_back([each.tag for each in back])

        self.play.later([0.0, 0.3], put_back)

    def _move(self, settlements: list[Settlement]) -> None:
        asked = cast("list[Asked]", settlements)
        self.rules.move(asked, over=self.over)
        self._publish(asked)
        self.rules.moves_published()

    def _publish(self, asked: Sequence[Asked]) -> None:
        tags = [one.tag for one in asked]
        self.in_hand.publish(tags)
        for tag in tags:
            self.rules.published(tag)
        self.play.later(self.play._confirms, lambda: self._ack(asked, tags))

    def _ack(self, asked: Sequence[Asked], tags: Sequence[int]) -> None:
        if not self.over:
            self.rules.acked(asked, tags)
            self.in_hand.ack(tags)

    def _cannot_begin(self, works: Sequence[Work], error: Exception) -> None:
        raise AssertionError(works) from error

    def _broken(self, error: Exception) -> None:
        self.rules.wrong.append(f"the floor broke: {error!r}")
