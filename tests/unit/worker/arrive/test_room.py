"""How much is read into memory at once: in order, within a budget, and never nothing."""

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.amqp import Delivery
from leveret.wire.codec import decode_object
from leveret.wire.limits import LARGEST_REQUEST, MOST_VALUES
from leveret.worker.arrive.room import ROOM, Room, cost
from support.handmade_deliveries import delivery_of


def delivery(tag: int, size: int) -> Delivery:
    request: dict[str, Any] = {"id": "a", "x": ""}
    request["x"] = "x" * (size - len(delivery_of(request).body))
    return delivery_of(request, tag)


@given(st.lists(st.integers(100, 60_000), max_size=12), st.integers(1, 4_000_000), st.randoms())
def test_all_come_in_in_their_order_and_never_more_than_fits_but_for_one_alone(
    sizes: list[int], budget: int, random: Any
) -> None:
    room, seen = Room(budget), list[int]()
    inside: list[Delivery] = []
    for tag, size in enumerate(sizes):
        room.add(delivery(tag, size))
    while len(seen) < len(sizes):
        inside += (entered := room.enter())
        seen += [each.delivery_tag for each in entered]
        assert inside, "nobody comes in, and nobody goes"
        assert len(inside) == 1 or sum(cost(len(each.body)) for each in inside) <= budget
        gone = inside.pop(random.randrange(len(inside)))
        room.leave(gone.delivery_tag)
    assert seen == sorted(seen)
    assert room.withdraw() == []


def test_those_that_wait_can_be_withdrawn_and_make_no_room() -> None:
    room = Room(1)
    for tag in (1, 2, 3):
        room.add(delivery(tag, 5_000))
    assert [each.delivery_tag for each in room.enter()] == [1]
    assert [each.delivery_tag for each in room.withdraw()] == [2, 3]
    room.leave(2)
    room.add(delivery(4, 5_000))
    assert room.enter() == []
    room.leave(1)
    assert [each.delivery_tag for each in room.enter()] == [4]


def size_of(value: Any) -> int:
    """Bytes in memory of a value and all within it; names that are the same object count once."""
    seen: dict[int, int] = {}

    def look(each: Any) -> None:
        if id(each) not in seen:
            seen[id(each)] = sys.getsizeof(each) + 16  # and what the garbage collector keeps before it
            members = [*each, *each.values()] if isinstance(each, dict) else each if isinstance(each, list) else ()
            for member in members:
                look(member)

    look(value)
    return sum(seen.values())


@pytest.mark.parametrize(
    "piece",
    [
        "{}",
        "[]",
        '{"a":0}',
        "[0.5]",
        '{"":{}}',
        "[[[[]]]]",
        "[" * 60 + "]" * 60,
        '{"a":{"a":{"a":{"a":0}}}}',
        '"abc"',
        "1000",
        "0.5",
        '"\U0001f600"',
    ],
)
@pytest.mark.parametrize("size", [4_200, 40_000, LARGEST_REQUEST])
def test_what_a_body_may_take_is_not_underrated(piece: str, size: int) -> None:
    """The texts of a body differ, so that each is a value of its own; objects are made anew each time."""
    values = 1 + piece.count("[") + piece.count("{") + piece.count(":")
    count = min((size - 20) // (len(piece.encode()) + 1), (MOST_VALUES - 2) // values)
    body = f'{{"x":[{",".join([piece] * count)}]}}'.encode()
    assert len(body) <= size
    assert size_of(decode_object(body)) + len(body) <= cost(len(body))
    assert cost(size) < ROOM


@pytest.mark.parametrize("text", ["\U0001f600", "\u00e4", "x"])
def test_texts_of_wide_characters_are_not_underrated_either(text: str) -> None:
    body = f'{{"x":"{text}{"x" * 200_000}","y":"{text}"}}'.encode()
    assert size_of(decode_object(body)) + len(body) <= cost(len(body))
