"""What a worker knows of its deliveries: when they are settled, and what the broker is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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


@pytest.mark.parametrize("step", [lambda in_hand: in_hand.hold(2, 10), lambda in_hand: in_hand.put_back([2])])
async def test_nobody_waits_for_a_delivery_that_is_held_or_put_back(told: Told, step: Callable[[InHand], None]) -> None:
    told.in_hand.publish([1, 2])
    settled, released = told.in_hand.settled(), told.in_hand.released(2)
    told.in_hand.ack([1])
    assert not await is_done(settled)
    assert not await is_done(released)
    step(told.in_hand)
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
    told.in_hand.hold(1, 10)
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
    told.in_hand.hold(4, 10)
    await asyncio.sleep(0)
    assert (empty.done(), len(told.in_hand)) == (False, 2)
    told.in_hand.ack([4])
    told.in_hand.put_back([5])
    await empty
    assert (told.in_hand.taken, len(told.in_hand)) == (5, 0)
    assert told.acks.told == [("ack", 3, True), ("ack", 4, False), ("nack", 5, True)]


async def test_what_has_to_go_back_can_be_kept_for_a_while(told: Told) -> None:
    told.in_hand.keep_put_backs()
    told.in_hand.put_back([1, 2])
    assert (len(told.in_hand), told.acks.told) == (5, [])
    told.in_hand.return_kept()
    told.in_hand.put_back([3])
    assert (len(told.in_hand), told.acks.told) == (2, [("nack", tag, True) for tag in (1, 2, 3)])


async def test_what_is_held_of_an_earlier_consumer_takes_no_room_of_the_next_one() -> None:
    changes: list[int] = []
    in_hand = InHand(cast("Channel", Acks()), on_held=lambda: changes.append(in_hand.held))
    for tag in (1, 2, 3):
        in_hand.add(tag)
    in_hand.hold(1, 10)
    assert (in_hand.held, in_hand.held_bytes, in_hand.held_of_this_consumer) == (1, 10, 1)
    in_hand.begin_consumer()
    in_hand.add(4)
    in_hand.hold(2, 20)
    in_hand.hold(4, 40)
    in_hand.hold(4, 40)
    assert (in_hand.held, in_hand.held_bytes, in_hand.held_of_this_consumer) == (3, 70, 1)
    in_hand.ack([4])
    in_hand.put_back([1])
    assert (in_hand.held, in_hand.held_bytes, in_hand.held_of_this_consumer) == (1, 20, 0)
    assert changes == [1, 2, 3, 2, 1]
