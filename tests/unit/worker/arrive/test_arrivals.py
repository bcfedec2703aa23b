"""In which order what was delivered before is read, and what is held meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

from msgspec.structs import replace

from leveret.amqp import Channel, Delivery
from leveret.outcome import DeadLetter
from leveret.sql.records import RequestKey
from leveret.wire.letter import WORKERS_DIED_CODE
from leveret.worker.arrive.arrivals import Arrivals, reading_key
from leveret.worker.arrive.intake import Intake
from leveret.worker.arrive.room import SMALL_BODY, Room
from leveret.worker.leave.in_hand import InHand
from leveret.worker.leave.settle import Settlement
from leveret.worker.run.floor import Floor
from leveret.worker.run.lanes import Lanes
from support.batches import Acks
from support.fake_lanes import FakeLanes
from support.handmade_deliveries import delivery_of
from support.notes import note_api
from support.serving import keyring


def again(number: int) -> Delivery:
    return replace(delivery_of({"id": f"r{number}"}, number), redelivered=True)


class FakeFloor:
    """In place of a floor."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """As a floor does it."""
        self._told.append("hold")
        yield
        self._told.append("release")


async def told_of(deliveries: Sequence[Delivery], deaths: Mapping[RequestKey, int]) -> list[str]:
    """What arrivals do with deliveries, in its order."""
    told: list[str] = []
    lanes = cast("Lanes", FakeLanes(deaths))
    all_told = asyncio.Event()

    def tell(what: str, found: Sequence[Delivery]) -> None:
        told.append(" ".join([what, *(str(each.delivery_tag) for each in found)]))
        count = sum(len(line.split()) - 1 for line in told)
        if count == len(deliveries):
            all_told.set()

    def settle(settlements: Sequence[Settlement]) -> None:
        for item, outcome in settlements:
            assert outcome == DeadLetter("3 workers died while they read this message", "internal", WORKERS_DIED_CODE)
            tell("give-up", [item.delivery])

    arrivals = Arrivals(
        lanes,
        cast("Floor", FakeFloor(told)),
        Room(),
        in_hand=InHand(cast("Channel", Acks())),
        intake=Intake(note_api(), keyring()),
        read=lambda found: tell("read", [delivery for delivery, _ in found]),
        settle=settle,
        on_outage=told.append,
    )
    arrivals.add(deliveries, 0.0)
    await asyncio.wait_for(all_told.wait(), 5)
    arrivals.end()
    return told


async def test_the_unknown_are_read_together_and_then_suspects_one_by_one_those_with_the_fewest_deaths_first() -> None:
    deliveries = [again(number) for number in range(1, 7)]
    deaths = dict(zip(map(reading_key, deliveries), [2, 1, 0, 2, 0, 1], strict=True))
    told = await told_of(deliveries, deaths)
    alone = [step for tag in (2, 6, 1, 4) for step in ("hold", f"read {tag}", "release")]
    assert told[:12] == ["read 3 5", *alone[:-1]]


async def test_one_that_three_workers_died_on_is_not_read() -> None:
    deliveries = [again(1), again(2)]
    deaths = dict(zip(map(reading_key, deliveries), [3, 1], strict=True))
    told = [each for each in await told_of(deliveries, deaths) if each not in ("hold", "release")]
    assert told == ["read 2", "give-up 1"]


async def test_a_first_delivery_is_read_at_once_although_it_is_large() -> None:
    first = delivery_of({"id": "a" * SMALL_BODY}, 1)
    assert await told_of([first, again(2)], {reading_key(again(2)): 0}) == ["read 1", "read 2"]
