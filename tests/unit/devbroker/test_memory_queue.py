"""A quorum queue in memory: order, redelivery, expiry, limits."""

from __future__ import annotations

from math import inf

import pytest

from leveret.amqp import Properties
from leveret.devbroker.memory.queue import MemoryQueue, NotInMemory, QueuedMessage

QUORUM: dict[str, str | int] = {"x-queue-type": "quorum", "x-delivery-limit": 3}


def message(name: str, **properties: object) -> QueuedMessage:
    return QueuedMessage(name.encode(), "", "q", Properties(**properties))  # type: ignore[arg-type]  # a test's own values


def names(queue: MemoryQueue) -> str:
    return "".join(each.body.decode() for each in queue.messages())


def test_messages_leave_in_the_order_in_which_they_came() -> None:
    queue = MemoryQueue("q", QUORUM)
    for name in "abc":
        queue.add(message(name), 0.0)
    assert [queue.take().body for _ in range(len(queue))] == [b"a", b"b", b"c"]


def test_a_higher_priority_leaves_first_and_a_message_without_one_counts_as_4() -> None:
    queue = MemoryQueue("q", QUORUM)
    for name, priority in (("a", 1), ("b", None), ("c", 5), ("d", 4), ("e", 0)):
        queue.add(message(name, priority=priority), 0.0)
    assert names(queue) == "cbdae"


def test_a_message_that_comes_back_stands_where_it_stood() -> None:
    queue = MemoryQueue("q", QUORUM)
    for name in "abc":
        queue.add(message(name), 0.0)
    first, second = queue.take(), queue.take()
    assert queue.give_back(second)
    assert queue.give_back(first)
    assert (names(queue), first.returns) == ("abc", 1)


def test_a_message_that_came_back_too_often_is_not_taken_back() -> None:
    queue = MemoryQueue("q", QUORUM)
    queue.add(message("a"), 0.0)
    assert [queue.give_back(queue.take()) for _ in range(4)] == [True, True, True, False]
    assert len(queue) == 0


@pytest.mark.parametrize(
    ("arguments", "expiration", "expires"),
    [
        ({}, None, inf),
        ({"x-message-ttl": 5_000}, None, 15.0),
        ({}, "200", 10.2),
        ({"x-message-ttl": 5_000}, "200", 10.2),
    ],
)
def test_a_message_dies_by_the_shorter_of_its_own_and_its_queues_time(
    arguments: dict[str, str | int], expiration: str | None, expires: float
) -> None:
    queue = MemoryQueue("q", {**QUORUM, **arguments})
    assert queue.next_expiry == inf
    queue.add(message("a", expiration=expiration), 10.0)
    assert queue.next_expiry == pytest.approx(expires)


def test_only_the_head_dies() -> None:
    queue = MemoryQueue("q", QUORUM)
    queue.add(message("a"), 0.0)
    queue.add(message("b", expiration="1"), 0.0)
    assert queue.next_expiry == inf
    queue.take()
    assert queue.next_expiry == pytest.approx(0.001)


def test_a_full_queue_refuses_until_a_fifth_is_gone_and_takes_back_what_it_gave_out() -> None:
    queue = MemoryQueue("q", {**QUORUM, "x-max-length": 10})
    for number in range(10):
        queue.add(message(str(number)), 0.0)
    states = [queue.full]
    queue.add(message("x"), 0.0)
    states.append(queue.full)
    given_out = [queue.take() for _ in range(2)]
    states.append(queue.full)
    assert queue.give_back(given_out[0])
    assert len(queue) == 10
    for _ in range(2):
        queue.take()
    states.append(queue.full)
    assert states == [False, True, True, False]


def test_an_argument_that_it_does_not_know_is_named() -> None:
    with pytest.raises(NotInMemory, match=r"the argument x-single-active-consumer of queue 'q'.*real=True"):
        MemoryQueue("q", {"x-single-active-consumer": 1})
