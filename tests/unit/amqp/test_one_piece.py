"""A delivery whose frames come in one read is decoded at once; the result must be the same as frame by frame."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import base, body, commands, frame, header

from leveret.amqp.errors import ProtocolError
from leveret.amqp.message import Delivery
from leveret.amqp.reader import Event, Reader

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
maybe = st.none() | texts
headers = st.none() | st.dictionaries(
    st.sampled_from(["x-deadline", "x-publish-seq", "mine", "other"]),
    st.integers(-(2**63), 2**63 - 1) | texts | st.none() | st.booleans(),
    max_size=3,
)
properties = st.builds(
    commands.Basic.Properties,
    content_type=maybe,
    headers=headers,
    delivery_mode=st.sampled_from([None, 1, 2]),
    correlation_id=maybe,
    reply_to=maybe,
    message_id=maybe,
)
sent = st.tuples(
    st.integers(1, 2),
    st.integers(0, 2**63 - 1),
    st.booleans(),
    st.sampled_from(["c1", "c2"]),
    st.sampled_from(["", "x"]),
    st.sampled_from(["k", "queue"]),
    properties,
    st.binary(max_size=30),
)
Sent = tuple[int, int, bool, str, str, str, commands.Basic.Properties, bytes]


def frames_of(one: Sent) -> bytes:
    channel, tag, redelivered, consumer, exchange, key, props, content = one
    parts: list[frame.FrameTypes] = [
        commands.Basic.Deliver(consumer, tag, redelivered, exchange, key),
        header.ContentHeader(0, len(content), props),
    ]
    half = len(content) // 2 if tag % 3 == 0 else 0  # some bodies come in two frames
    parts += [body.ContentBody(piece) for piece in (content[:half], content[half:]) if piece]
    return b"".join(frame.marshal(part, channel) for part in parts)


def comparable(event: Event) -> object:
    """Return a value that can be compared, unlike a method of pamqp, which damaged bytes can turn into."""
    return (type(event), dict(event)) if isinstance(event, base.Frame) else event


def read(data: bytes, cuts: list[int]) -> tuple[list[tuple[int, object]], int]:
    """Return the events, and the code of the error that ended them, or 0."""
    reader, events = Reader(), []
    try:
        for start, end in pairwise(sorted({0, len(data), *cuts})):
            for channel, event in reader.feed(data[start:end]):
                events.append((channel, comparable(event)))  # the events before an error count
    except ProtocolError as error:
        return events, error.reply_code
    return events, 0


def byte_by_byte(data: bytes) -> tuple[list[tuple[int, object]], int]:
    """Read byte by byte, so that each frame is decoded by itself."""
    return read(data, list(range(len(data))))


@settings(deadline=None)
@given(st.lists(sent, max_size=6), st.lists(st.integers(0, 600), max_size=4))
def test_in_one_piece_or_frame_by_frame_the_deliveries_are_the_same(batch: list[Sent], cuts: list[int]) -> None:
    data = b"".join(map(frames_of, batch)) * 2  # again, when the names are known
    expected = byte_by_byte(data)
    assert read(data, [min(cut, len(data)) for cut in cuts]) == read(data, []) == expected
    assert [event.body for _, event in expected[0] if isinstance(event, Delivery)] == [one[7] for one in batch * 2]


@settings(deadline=None, max_examples=400)
@given(sent, st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=3))
def test_what_is_damaged_ends_with_the_same_error_behind_the_same_deliveries(
    one: Sent, flips: list[tuple[int, int]]
) -> None:
    known = frames_of(one)
    damaged = bytearray(known)
    for place, value in flips:
        damaged[place % len(damaged)] = value
    data = known + bytes(damaged) + known
    assert read(data, []) == byte_by_byte(data)


def test_a_frame_larger_than_agreed_is_refused_also_behind_a_method_in_one_piece() -> None:
    def large(size: int) -> bytes:
        return frames_of((1, 1, False, "c1", "", "k", commands.Basic.Properties(), b"x" * size))

    reader = Reader(4096)
    assert len(list(reader.feed(large(10) + large(4088)))) == 2
    events = reader.feed(large(10) + large(4089))
    assert next(events)
    with pytest.raises(ProtocolError, match="at most 4096") as caught:
        next(events)
    assert caught.value.reply_code == 501
