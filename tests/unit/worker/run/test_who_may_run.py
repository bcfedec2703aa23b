"""Quarantine, lull and standstill together, in whatever order things happen."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, cast

import pytest
from msgspec.structs import replace

from leveret.sql.records import Key
from leveret.worker.arrive.intake import Intake
from leveret.worker.leave.settle import Settlement
from leveret.worker.run.lanes import Lanes
from leveret.worker.run.lull import Lull
from leveret.worker.run.patience import MOST
from leveret.worker.run.quarantine import Quarantine
from leveret.worker.run.standstill import Standstill
from leveret.worker.work import Work
from support.batches import Batches
from support.fake_lanes import FakeLanes
from support.handmade_deliveries import delivery_of
from support.notes import note_api
from support.serving import keyring
from support.skipping_loop import run_skipping

RUNS: Final = 300
REQUESTS: Final = 30
LONG: Final = 4 * MOST
"""Seconds that an action takes now and then."""


class Play:
    """One run: requests come, take their time, end well or badly, and are confirmed, all by chance.

    Args:
        seed: decides about everything; confirms are slow where it is odd.

    Attributes:
        begun: how often each request began.
        wrong: what must not have been.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._quick = not seed % 2
        self.begun: Counter[str] = Counter()
        self.settled: set[str] = set()
        self.wrong: list[str] = []
        self._kinds = {str(number): self._kind() for number in range(REQUESTS)}
        deaths = {Key("", name): 1 for name, kind in self._kinds.items() if kind[2]}
        self.lanes = FakeLanes(deaths)
        self._in_lanes: set[str] = set()
        self._running: dict[str, Work] = {}
        self._apart: str | None = None
        self._held = False
        self._admitted = 0
        self._moving: set[str] = set()
        self._unconfirmed = Batches()
        self._loop = asyncio.get_running_loop()
        lanes = cast("Lanes", self.lanes)
        self.lull = Lull(lanes)
        self.quarantine = Quarantine(lanes, self.lull, self._begin, self._failed, self._unconfirmed.when_settled)
        self.standstill = Standstill(
            self.lull,
            carry_out=self._move,
            when_settled=self._unconfirmed.when_settled,
            hold=self._hold,
            release=self._release,
        )

    async def run(self) -> None:
        """Let all requests come, and time pass until all must be at their end."""
        works = [self._work(name, *kind[:2]) for name, kind in self._kinds.items()]
        while works:
            count = self.random.choice([1, 2, 10])
            self.quarantine.admit(works[:count])
            self._admitted += len(works[:count])
            del works[:count]
            await asyncio.sleep(self.random.choice([0.0, 0.01, 1.0]))
        while len(self.settled) < REQUESTS and self._loop.time() < REQUESTS * LONG * 2:
            waiting = self._idle and self._admitted > len(self.begun)
            await asyncio.sleep(0.05)
            self._check("nothing hinders those that wait", waiting and self._idle and self._admitted > len(self.begun))

    @property
    def _idle(self) -> bool:
        return not (self._running or self._moving or len(self.settled) < len(self.begun))

    def _kind(self) -> tuple[bool, bool, bool]:
        """Whether it is async, was delivered before, and has a death on record."""
        again = self.random.random() < 0.5
        return self.random.random() < 0.3, again, again and self.random.random() < 0.3

    def _work(self, name: str, is_async: bool, again: bool) -> Work:
        intake: Intake = Intake(note_api(), keyring())
        delivery = delivery_of({"id": name, "version": "v1", "action": "health_check", "data": {}, "auth": ""})
        taken = intake.take(replace(delivery, redelivered=again))
        assert isinstance(taken, Work)
        return replace(taken, action=replace(taken.action, is_async=is_async))

    def _begin(self, works: Sequence[Work]) -> None:
        names = [work.request.id for work in works]
        self._check("held", self._held)
        self._check(
            "before those that are moved are settled", self._quick and bool(self._moving) and not self.lull.lost
        )
        self._check("beside a suspect", any(self._is_suspect(name) for name in self._running))
        if any(map(self._is_suspect, names)):
            self._check("a suspect beside others", bool(self._running) or len(works) > 1)
        elif self._apart in self._in_lanes:
            self._check("beside one that was delivered before", not self.lull.lost)
        alone = [work for work in works if work.delivery.redelivered and not work.action.is_async]
        if alone:
            self._check("delivered before, beside others", (self.lanes.busy or len(works) > 1) and not self.lull.lost)
            self._apart = None if self.lanes.busy else names[0]
        for name, work in zip(names, works, strict=True):
            self.begun[name] += 1
            self._running[name] = work
            if not work.action.is_async:
                self.lanes.busy = True
                self._in_lanes.add(name)
            self._loop.call_later(self.random.choice([0.001, 0.05, 0.5, LONG]), self._end, work)

    def _end(self, work: Work) -> None:
        name = work.request.id
        report = self._reporting(name)
        self._in_lanes.discard(name)
        self.lanes.progress += not work.action.is_async
        if work.action.is_async or self._in_lanes:
            report()
        else:
            self.lanes.end(report)

    def _reporting(self, name: str) -> Callable[[], None]:
        def report() -> None:
            if self.random.random() < 0.3:
                self.standstill.move(cast("list[Settlement]", [name]))
            else:
                self._publish([name])
            if not self._is_suspect(name):  # that one has ended when it is settled
                del self._running[name]
                self.quarantine.ended(1)

        return report

    def _move(self, settlements: list[Settlement]) -> None:
        names = cast("list[str]", settlements)
        self._check("moved while a lane runs something", self._quick and self.lanes.busy and not self.lull.lost)
        self._moving.update(names if not self.lull.lost else ())
        self._publish(names)

    def _publish(self, names: Sequence[str]) -> None:
        batch = self._unconfirmed.add()
        delay = self.random.choice([0.002, 0.05] if self._quick else [0.002, 0.2, MOST * 2])
        self._loop.call_later(delay, self._confirm, batch, names)

    def _confirm(self, batch: int, names: Sequence[str]) -> None:
        self.settled.update(names)
        self._moving.difference_update(names)
        for name in names:
            if self._is_suspect(name):
                del self._running[name]
                self._loop.call_soon(self.quarantine.ended, 1)
        self._unconfirmed.settled(batch)

    def _is_suspect(self, name: str) -> bool:
        return self._kinds[name][2]

    def _hold(self) -> None:
        self._held = True
        self.quarantine.hold()

    def _release(self) -> None:
        self._held = False
        self.quarantine.release()

    def _failed(self, works: Sequence[Work], error: Exception) -> None:
        raise AssertionError(works) from error

    def _check(self, what: str, wrong: bool) -> None:
        if wrong:
            self.wrong.append(f"{self._loop.time():.3f} s: {what}")


@pytest.mark.parametrize("seeds", [range(start, start + RUNS // 10) for start in range(0, RUNS, RUNS // 10)])
def test_each_request_begins_once_is_settled_and_has_nobody_beside_it_who_must_not_be(seeds: range) -> None:
    async def main(seed: int) -> None:
        play = Play(seed)
        await play.run()
        assert not play.wrong, f"seed {seed}"
        assert play.begun == Counter({str(number): 1 for number in range(REQUESTS)}), f"seed {seed}"
        assert len(play.settled) == REQUESTS, f"seed {seed}"

    for seed in seeds:
        run_skipping(main(seed))
