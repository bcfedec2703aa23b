"""Acks with consecutive numbers in one read become one event, which must mean the same as the single acks."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import commands, frame

from leveret.amqp.errors import ProtocolError
from leveret.amqp.message import Confirmation
from leveret.amqp.reader import Reader

Verdict = tuple[int, int, bool, bool]
"""Channel, tag, multiple, accepted."""

steps = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.sampled_from([1, 1, 1, 2, 5]),  # the difference between the next tag and the one before
        st.sampled_from([False, False, False, True]),
        st.sampled_from([True, True, True, False]),
    ),
    max_size=30,
)


def verdicts_of(taken: list[tuple[int, int, bool, bool]]) -> list[Verdict]:
    tag, verdicts = 0, []
    for channel, step, multiple, accepted in taken:
        tag += step
        verdicts.append((channel, tag, multiple, accepted))
    return verdicts


def data_of(verdicts: list[Verdict]) -> bytes:
    kinds = {True: commands.Basic.Ack, False: commands.Basic.Nack}
    return b"".join(
        frame.marshal(kinds[accepted](tag, multiple), channel) for channel, tag, multiple, accepted in verdicts
    )


def read(data: bytes, cuts: list[int]) -> tuple[list[Verdict], int]:
    """Return each verdict, and in how many events they came."""
    reader, events = Reader(), []
    for start, end in pairwise(sorted({0, len(data), *cuts})):
        events += list(reader.feed(data[start:end]))
    verdicts: list[Verdict] = []
    for channel, event in events:
        assert isinstance(event, Confirmation)
        numbers = range(event.first or event.delivery_tag, event.delivery_tag + 1)
        verdicts += [(channel, number, event.multiple, event.accepted) for number in numbers]
    return verdicts, len(events)


@settings(deadline=None)
@given(steps, st.lists(st.integers(0, 640), max_size=6))
def test_joined_acks_say_what_they_say_one_by_one(taken: list[tuple[int, int, bool, bool]], cuts: list[int]) -> None:
    verdicts = verdicts_of(taken)
    data = data_of(verdicts)
    assert read(data, [cut for cut in cuts if cut < len(data)])[0] == verdicts


def test_a_run_of_acks_is_one_event_until_something_else_comes() -> None:
    run = [(1, tag, False, True) for tag in range(5, 25)]
    others = [(2, 25, False, True), (1, 26, True, True), (1, 27, False, False), (1, 29, False, True)]
    assert read(data_of(run), []) == (run, 1)
    assert read(data_of([*run, *others]), []) == ([*run, *others], 5)


@pytest.mark.parametrize("damaged", [-1, -17], ids=["end", "size"])
def test_an_ack_that_is_broken_is_found_behind_good_ones(damaged: int) -> None:
    data = bytearray(data_of([(1, 1, False, True), (1, 2, False, True), (1, 3, False, True)]))
    data[damaged] ^= 0xFF
    events: list[object] = []
    with pytest.raises(ProtocolError):
        events.extend(Reader().feed(bytes(data)))  # the events before the error count
    assert events == [(1, Confirmation(2, multiple=False, accepted=True, first=1))]
