"""When requests begin that were delivered before, and those that a worker died on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, cast

import pytest
from msgspec.structs import replace

from leveret.sql.records import Key
from leveret.worker.arrive.intake import Intake
from leveret.worker.run.lanes import Lanes
from leveret.worker.run.lull import Lull
from leveret.worker.run.patience import MOST, TICK
from leveret.worker.run.quarantine import Quarantine
from leveret.worker.work import Work
from support.batches import Batches
from support.fake_lanes import FakeLanes
from support.handmade_deliveries import delivery_of
from support.notes import note_api
from support.serving import keyring
from support.skipping_loop import run_skipping

SUSPECT: Final = "suspect"


class Begun:
    """A quarantine, what it lets begin, and what is published meanwhile."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.unconfirmed = Batches()
        self.lanes = FakeLanes({Key("", SUSPECT): 1})
        lanes = cast("Lanes", self.lanes)
        self.quarantine = Quarantine(lanes, Lull(lanes), self._begin, self._failed, self.unconfirmed.when_settled)

    def _begin(self, works: Sequence[Work]) -> None:
        self.ids += [work.request.id for work in works]
        self.lanes.busy = self.lanes.busy or not all(work.action.is_async for work in works)

    def _failed(self, works: Sequence[Work], error: Exception) -> None:
        raise AssertionError(works) from error

    def end(self) -> None:
        """Have what runs in the lanes end."""
        self.lanes.end(lambda: self.quarantine.ended(1))


def work(request_id: str, *, redelivered: bool = False, action: str = "health_check") -> Work:
    intake: Intake = Intake(note_api(), keyring())
    auth = keyring().issue("7", timedelta(hours=1))
    delivery = delivery_of({"id": request_id, "version": "v1", "action": action, "data": {}, "auth": auth})
    taken = intake.take(replace(delivery, redelivered=redelivered))
    assert isinstance(taken, Work)
    return taken


def again(*names: str) -> list[Work]:
    """Requests of a `def` action that were delivered before."""
    return [work(name, redelivered=True, action="count") for name in names]


async def turns(count: int = 5) -> None:
    """Let the event loop do what is due."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
async def begun() -> Begun:
    return Begun()


async def test_a_suspect_waits_for_what_was_published_before_it(begun: Begun) -> None:
    first, second = begun.unconfirmed.add(), begun.unconfirmed.add()
    begun.quarantine.admit([work(SUSPECT, redelivered=True)])
    await turns()
    begun.unconfirmed.settled(second)
    await turns()
    assert begun.ids == []
    later = begun.unconfirmed.add()
    begun.unconfirmed.settled(first)
    await turns()
    assert begun.ids == [SUSPECT]
    begun.unconfirmed.settled(later)
    await turns()
    assert begun.ids == [SUSPECT]


async def test_others_wait_for_the_suspect_whose_turn_has_come(begun: Begun) -> None:
    batch = begun.unconfirmed.add()
    begun.quarantine.admit([work(SUSPECT, redelivered=True)])
    await turns()
    begun.quarantine.admit([work("other")])
    assert begun.ids == []
    begun.unconfirmed.settled(batch)
    await turns()
    assert begun.ids == [SUSPECT]
    begun.quarantine.ended(1)
    assert begun.ids == [SUSPECT, "other"]


async def test_what_no_worker_died_on_does_not_wait_for_confirms(begun: Begun) -> None:
    begun.unconfirmed.add()
    begun.quarantine.admit([work("new"), work("delivered before", redelivered=True), *again("in a lane")])
    await turns()
    assert begun.ids == ["new", "in a lane"]
    begun.end()
    assert begun.ids == ["new", "in a lane", "delivered before"]


async def test_in_the_lanes_one_after_the_other_begins_and_new_ones_after_them(begun: Begun) -> None:
    begun.quarantine.admit([work("new", action="count"), *again("first", "second")])
    await turns()
    assert begun.ids == ["new"]
    begun.end()
    assert begun.ids == ["new", "first"]
    begun.quarantine.admit([work("late", action="count")])
    assert begun.ids == ["new", "first"]
    begun.end()
    assert begun.ids == ["new", "first", "second"]
    begun.end()
    assert begun.ids == ["new", "first", "second", "late"]


async def test_the_last_one_is_alone_too(begun: Begun) -> None:
    begun.quarantine.admit(again("only"))
    await turns()
    begun.quarantine.admit([work("late", action="count"), work("late async")])
    await turns()
    assert begun.ids == ["only"]
    begun.end()
    assert begun.ids == ["only", "late", "late async"]


async def test_when_it_has_ended_nobody_waits_for_what_else_runs_in_the_lanes(begun: Begun) -> None:
    begun.quarantine.admit(again("only"))
    await turns()
    begun.end()
    begun.lanes.busy = True  # an async action's transaction
    begun.quarantine.admit([work("late", action="count")])
    assert begun.ids == ["only", "late"]


async def test_they_begin_after_a_standstill_that_came_between(begun: Begun) -> None:
    begun.quarantine.admit(again("first", "second"))
    await turns()
    begun.quarantine.hold()
    begun.end()
    begun.quarantine.admit([work("late", action="count")])
    assert begun.ids == ["first"]
    begun.quarantine.release()
    assert begun.ids == ["first", "second"]
    begun.end()
    assert begun.ids == ["first", "second", "late"]


@pytest.mark.parametrize(
    ("works", "before", "after"),
    [
        ([work("hung", action="count"), *again("first", "second")], ["hung"], ["hung", "first", "second"]),
        (again("hung", "second"), ["hung"], ["hung", "second"]),
        ([*again("hung"), work("async", redelivered=True)], ["hung"], ["hung", "async"]),
    ],
    ids=["a new one", "one that was delivered before", "an async one waits"],
)
def test_an_action_that_hangs_in_a_lane_does_not_hold_up_others_for_long(
    works: list[Work], before: list[str], after: list[str]
) -> None:
    async def main() -> None:
        begun = Begun()
        begun.quarantine.admit(works)
        await asyncio.sleep(MOST - TICK)
        assert begun.ids == before
        await asyncio.sleep(2 * TICK)
        assert begun.ids == after

    run_skipping(main())


async def test_a_suspect_that_waits_for_confirms_when_a_standstill_begins_has_its_turn_after_it(begun: Begun) -> None:
    batch = begun.unconfirmed.add()
    begun.quarantine.admit([work(SUSPECT, redelivered=True)])
    await turns()
    begun.quarantine.hold()
    begun.unconfirmed.settled(batch)
    await turns()
    assert begun.ids == []
    begun.quarantine.release()
    await turns()
    assert begun.ids == [SUSPECT]


async def test_a_suspect_does_not_take_the_turn_of_one_that_was_withdrawn(begun: Begun) -> None:
    first = begun.unconfirmed.add()
    begun.quarantine.admit([work(SUSPECT, redelivered=True)])
    await turns()
    assert len(begun.quarantine.withdraw()) == 1
    second = begun.unconfirmed.add()
    begun.quarantine.admit([work(SUSPECT, redelivered=True)])
    await turns()
    begun.unconfirmed.settled(first)
    await turns()
    assert begun.ids == []
    begun.unconfirmed.settled(second)
    await turns()
    assert begun.ids == [SUSPECT]


async def test_what_has_not_begun_can_be_withdrawn(begun: Begun) -> None:
    begun.quarantine.admit([work("new", action="count"), *again("first"), work(SUSPECT, redelivered=True)])
    await turns()
    begun.quarantine.admit([work("late")])
    assert {each.request.id for each in begun.quarantine.withdraw()} == {"first", SUSPECT, "late"}
    begun.end()
    await turns()
    assert begun.ids == ["new"]
