"""When a request is moved on, and when others may begin again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from leveret.worker.leave.settle import Settlement
from leveret.worker.run.lanes import Lanes
from leveret.worker.run.lull import Lull
from leveret.worker.run.patience import FREE, MOST, SHARE, TICK
from leveret.worker.run.standstill import Standstill
from support.batches import Batches
from support.fake_lanes import FakeLanes
from support.skipping_loop import run_skipping


class Told:
    """A standstill, what it publishes, and whether others may begin."""

    def __init__(self) -> None:
        self.lanes = FakeLanes(busy=True)
        self.published: list[Any] = []
        self.batches: list[int] = []
        self.held = False
        self.unconfirmed = Batches()
        self.standstill = Standstill(
            Lull(cast("Lanes", self.lanes)),
            carry_out=self._publish,
            when_settled=self.unconfirmed.when_settled,
            hold=lambda: self._hold(held=True),
            release=lambda: self._hold(held=False),
        )

    def move(self, *names: str) -> None:
        self.standstill.move(cast("list[Settlement]", list(names)))

    def _publish(self, settlements: list[Settlement]) -> None:
        self.published.append(list(settlements))
        self.batches.append(self.unconfirmed.add())

    def _hold(self, *, held: bool) -> None:
        assert self.held != held
        self.held = held

    async def confirm(self, place: int = -1) -> None:
        """Have the last batch settled, or another one."""
        self.unconfirmed.settled(self.batches[place])
        await _turns()


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def play(test: Callable[[Told], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test in a loop whose clock jumps."""

    async def main() -> None:
        await test(Told())

    def run() -> None:
        run_skipping(main())

    run.__name__ = test.__name__
    return run


@play
async def test_requests_are_moved_when_no_lane_runs_anything_and_others_begin_when_they_are_settled(told: Told) -> None:
    told.move("a")
    told.move("b", "c")
    await _turns()
    assert (told.published, told.held) == ([], True)
    told.lanes.end()
    assert (told.published, told.held) == ([["a", "b", "c"]], True)
    await told.confirm()
    assert not told.held


@play
async def test_without_a_busy_lane_they_are_moved_at_once(told: Told) -> None:
    told.lanes.end()
    told.move("a")
    assert (told.published, told.held) == ([["a"]], True)
    await told.confirm()
    assert not told.held


@play
async def test_what_fails_meanwhile_is_moved_too_and_waited_for(told: Told) -> None:
    told.lanes.end()
    told.move("a")
    told.move("b")
    await told.confirm(0)
    assert told.held
    await told.confirm(1)
    assert (told.published, told.held) == ([["a"], ["b"]], False)


@play
async def test_an_action_that_takes_long_holds_up_nobody_for_long(told: Told) -> None:
    told.move("a")
    await asyncio.sleep(MOST - TICK)
    assert (told.published, told.held) == ([], True)
    await asyncio.sleep(2 * TICK)
    assert (told.published, told.held) == ([["a"]], False)


@play
async def test_as_long_as_requests_end_the_lanes_are_waited_for(told: Told) -> None:
    told.move("a")
    for _ in range(50):
        await asyncio.sleep(TICK)
        told.lanes.progress += 1
    assert (told.published, told.held) == ([], True)
    told.lanes.end()
    await told.confirm()
    assert (told.published, told.held) == ([["a"]], False)


@play
async def test_a_confirm_that_takes_long_holds_up_nobody_for_long(told: Told) -> None:
    told.lanes.end()
    told.move("a")
    await asyncio.sleep(MOST - TICK)
    assert (told.published, told.held) == ([["a"]], True)
    await asyncio.sleep(2 * TICK)
    assert (told.published, told.held) == ([["a"]], False)
    told.lanes.busy = True
    told.move("b")
    assert (told.published, told.held) == ([["a"], ["b"]], False)
    await told.confirm(0)
    await told.confirm(1)
    assert not told.held


@play
async def test_what_waits_for_the_lanes_is_moved_when_an_earlier_confirm_takes_long(told: Told) -> None:
    told.lanes.end()
    told.move("a")
    told.lanes.busy = True
    told.move("b")
    for _ in range(20):  # the lanes go on
        await asyncio.sleep(TICK)
        told.lanes.progress += 1
    assert (told.published, told.held) == ([["a"], ["b"]], False)


@play
async def test_patience_comes_back_in_time(told: Told) -> None:
    told.move("a")
    await asyncio.sleep(MOST + TICK)
    await told.confirm()
    told.move("b")
    assert (told.published, told.held) == ([["a"], ["b"]], False)
    await told.confirm()
    await asyncio.sleep(2 * TICK / SHARE)
    told.move("c")
    assert told.held
    told.lanes.end()
    await told.confirm()
    assert (told.published, told.held) == ([["a"], ["b"], ["c"]], False)


@play
async def test_many_short_waits_cost_no_patience(told: Told) -> None:
    for number in range(100):
        told.lanes.busy = True
        told.move(f"r{number}")
        await asyncio.sleep(TICK * 0.9)
        assert told.held
        told.lanes.end()
        await asyncio.sleep(FREE * 0.9)
        await told.confirm()
    assert not told.held


@play
async def test_confirms_that_are_always_slow_hold_up_others_for_a_tenth_of_the_time(told: Told) -> None:
    told.lanes.end()
    seconds, held = FREE * 2, 0
    for number in range(1000):
        told.move(f"r{number}")
        held += told.held
        await asyncio.sleep(seconds)
        await told.confirm()
    assert MOST / seconds < held < 1000 * SHARE + MOST / seconds + 1


@play
async def test_confirms_that_come_one_after_the_other_are_waited_for(told: Told) -> None:
    told.lanes.end()
    told.move("r0")
    for number in range(1, 50):
        told.move(f"r{number}")
        await asyncio.sleep(TICK / 2)
        await told.confirm(number - 1)
    assert told.held
    await told.confirm()
    assert not told.held


@pytest.mark.parametrize("confirmed", [True, False])
def test_that_it_waits_no_longer_is_logged_once(*, confirmed: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        told = Told()
        if not confirmed:
            told.lanes.busy = False
            told.move("a")
            told.lanes.busy = True
        told.move("b")
        await asyncio.sleep(MOST * 5)
        assert not told.held

    caplog.set_level(logging.INFO, "leveret.worker")
    run_skipping(main())
    assert len([text for text in caplog.messages if text.startswith("no longer waiting for ")]) == 1


@play
async def test_a_late_confirm_from_before_ends_no_later_standstill(told: Told) -> None:
    told.move("a")
    await asyncio.sleep(MOST + 2 * TICK / SHARE)
    told.move("b")
    assert told.held
    await told.confirm()
    assert told.held
    told.lanes.end()
    await told.confirm()
    assert not told.held


@pytest.mark.parametrize("idle", [True, False])
def test_after_the_end_nothing_is_moved(*, idle: bool) -> None:
    async def main() -> None:
        told = Told()
        told.move("a")
        told.standstill.end()
        if idle:
            told.lanes.end()
        await asyncio.sleep(MOST + 1)
        assert told.published == []

    run_skipping(main())
