"""What a worker knows of its deliveries: when they are settled, and what the broker is told."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from leveret.amqp import Channel
from leveret.worker.leave.in_hand import InHand
from support.batches import Acks


class Told:
    """A ledger, and its channel."""

    def __init__(self, deliveries: int) -> None:
        self.acks = Acks()
        self.in_hand = InHand(cast("Channel", self.acks))
        for tag in range(1, deliveries + 1):
            self.in_hand.add(tag)


@pytest.fixture
async def told() -> Told:
    return Told(5)


async def is_done(future: asyncio.Future[None]) -> bool:
    """Whether it is, after what is due in the loop."""
    await asyncio.sleep(0)
    return future.done()


async def test_all_is_settled_when_nothing_is_published(told: Told) -> None:
    await told.in_hand.settled()


async def test_what_was_published_before_is_settled_when_each_delivery_of_it_is_acked(told: Told) -> None:
    told.in_hand.publish([1, 2])
    told.in_hand.publish([3])
    settled = told.in_hand.settled()
    told.in_hand.publish([4])
    told.in_hand.ack([3])
    told.in_hand.ack([1])
    assert not await is_done(settled)
    told.in_hand.ack([2])
    assert await is_done(settled)
    assert not await is_done(told.in_hand.settled())


@pytest.mark.parametrize("step", [InHand.release, lambda in_hand, tag: in_hand.put_back([tag])])
async def test_nobody_waits_for_a_delivery_that_is_released_or_put_back(told: Told, step: object) -> None:
    told.in_hand.publish([1, 2])
    settled, released = told.in_hand.settled(), told.in_hand.released(2)
    told.in_hand.ack([1])
    assert not await is_done(settled)
    assert not await is_done(released)
    assert callable(step)
    step(told.in_hand, 2)
    assert await is_done(settled)
    assert await is_done(released)


async def test_a_waiter_that_gives_up_disturbs_no_other(told: Told) -> None:
    told.in_hand.publish([1])
    impatient, other = told.in_hand.settled(), told.in_hand.settled()
    first, second = told.in_hand.released(1), told.in_hand.released(1)
    impatient.cancel()
    first.cancel()
    told.in_hand.ack([1])
    assert await is_done(other)
    assert await is_done(second)


async def test_what_hangs_on_an_ack_is_done_with_the_ack_and_not_when_it_is_put_back(told: Told) -> None:
    done: list[int] = []
    for tag in (1, 2):
        told.in_hand.when_acked(tag, lambda tag=tag: done.append(tag))  # type: ignore[misc]  # binds the loop's tag
    told.in_hand.release(1)
    told.in_hand.put_back([2])
    await asyncio.sleep(0)
    assert not done
    told.in_hand.ack([1])
    assert not done, "the ack has not gone out yet"
    await asyncio.sleep(0)
    assert done == [1]


async def test_it_is_empty_when_everything_is_acked_or_put_back(told: Told) -> None:
    empty = asyncio.ensure_future(told.in_hand.empty())
    told.in_hand.ack([1, 2, 3])
    told.in_hand.release(4)
    await asyncio.sleep(0)
    assert (empty.done(), len(told.in_hand)) == (False, 2)
    told.in_hand.ack([4])
    told.in_hand.put_back([5])
    await empty
    assert (told.in_hand.taken, len(told.in_hand)) == (5, 0)
    assert told.acks.told == [("ack", 3, True), ("ack", 4, False), ("nack", 5, True)]
