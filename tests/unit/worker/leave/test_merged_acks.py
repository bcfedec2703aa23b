import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.worker.leave.in_hand import merge_acks


@pytest.mark.parametrize(
    ("tags", "oldest_left", "acks"),
    [
        ([1, 2, 3], None, [(3, True)]),
        ([1, 2, 3], 4, [(3, True)]),
        ([2, 3], 1, [(2, False), (3, False)]),
        ([1, 3, 4], 2, [(1, False), (3, False), (4, False)]),
        ([1, 2, 5], 3, [(2, True), (5, False)]),
        ([7], None, [(7, False)]),
        ([3, 1, 2], None, [(3, True)]),
    ],
)
def test_acks_are_merged_up_to_the_oldest_delivery_in_hand(
    tags: list[int], oldest_left: int | None, acks: list[tuple[int, bool]]
) -> None:
    assert merge_acks(tags, oldest_left) == acks


@given(st.lists(st.sets(st.integers(1, 60), min_size=1), max_size=10))
def test_every_delivery_is_acked_once_and_none_before_it_is_done(batches: list[set[int]]) -> None:
    in_hand, acked = dict.fromkeys(range(1, 61)), set[int]()
    for batch in batches:
        done = [tag for tag in batch if tag in in_hand]
        for tag in done:
            del in_hand[tag]
        for tag, multiple in merge_acks(done, next(iter(in_hand), None)):
            new = {other for other in range(1, tag + 1) if other not in acked} if multiple else {tag}
            assert tag not in acked
            assert not new & in_hand.keys()
            acked |= new
    assert acked == set(range(1, 61)) - in_hand.keys()
