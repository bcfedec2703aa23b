"""A bad header costs only its own message: the connection goes on."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import body, commands, frame, header

from leveret.amqp.errors import ProtocolError
from leveret.amqp.message import Delivery, Properties
from leveret.amqp.reader import LARGEST_HEADER, Reader

DELIVER = commands.Basic.Deliver("c", 1, exchange="", routing_key="k")
HEADER = header.ContentHeader(0, 4, commands.Basic.Properties())
GOOD = (DELIVER, HEADER, body.ContentBody(b"good"))


def data_of(*parts: frame.FrameTypes) -> bytes:
    return b"".join(frame.marshal(part, 1) for part in parts)


def message(properties: bytes, content: bytes = b"body", method: frame.FrameTypes = DELIVER) -> bytes:
    """Return a message whose header has these flags and properties."""
    head = b"\0\x3c\0\0" + len(content).to_bytes(8, "big") + properties
    head_frame = b"\x02\0\x01" + len(head).to_bytes(4, "big") + head + b"\xce"
    return data_of(method) + head_frame + (data_of(body.ContentBody(content)) if content else b"")


def deliveries(reader: Reader, data: bytes, cuts: list[int] | None = None) -> list[Delivery]:
    """Return all deliveries, whatever the pieces."""
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts or [])})
    events = [event for start, end in pairwise(places) for _, event in reader.feed(data[start:end])]
    assert all(isinstance(event, Delivery) for event in events)
    return [event for event in events if isinstance(event, Delivery)]


UNREADABLE = [
    (b"\x00\x01", "unknown property flags"),
    (b"\x80\x00\x05ab", "do not end with their frame"),
    (b"\x00\x00more", "do not end with their frame"),
    (b"\x20\x00\x00\x00\x00\x03\x01aZ", "unknown field type"),
    (b"\x20\x00\xff\xff\xff\xff\x01aV", "longer than its frame"),
    (b"\x20\x00\x00\x00\x00\x07\x01aA\xff\xff\xff\xff", "longer than its frame"),
    (b"\x20\x00\x00\x00\x00\x04\x01aS\x00", "unpack_from requires"),
    (b"\x10\x00", "index out of range"),
]


@pytest.mark.parametrize(("properties", "says"), UNREADABLE)
def test_properties_that_cannot_be_read_cost_their_message_only(properties: bytes, says: str) -> None:
    bad, good = deliveries(Reader(), message(properties) + data_of(*GOOD))
    assert re.search(says, bad.unreadable), bad.unreadable
    assert (bad.properties, bad.body) == (Properties(), b"body")
    assert (good.unreadable, good.body) == ("", b"good")


@pytest.mark.parametrize("properties", [properties for properties, _ in UNREADABLE])
def test_one_that_came_back_with_such_ends_the_connection_as_nobody_knows_which_it_was(properties: bytes) -> None:
    with pytest.raises(ProtocolError, match="cannot be told from others"):
        list(Reader().feed(message(properties, method=commands.Basic.Return(312, "NO_ROUTE", "", "k"))))


@settings(deadline=None)
@given(st.integers(0, 0xFFFF), st.binary(max_size=60), st.lists(st.integers(0, 200), max_size=5))
def test_whatever_the_properties_are_their_message_and_the_next_one_arrive(
    flags: int, content: bytes, cuts: list[int]
) -> None:
    data = message(flags.to_bytes(2, "big") + content) + data_of(*GOOD)
    one, good = deliveries(Reader(), data, cuts)
    assert (one.body, good.body) == (b"body", b"good")
    assert deliveries(Reader(), data) == [one, good]


def long_text(size: int) -> bytes:
    """Return the flags and properties of a header of that size, which is one text."""
    length = size - 25
    return b"\x20\x00" + (length + 7).to_bytes(4, "big") + b"\x01kS" + length.to_bytes(4, "big") + b"x" * length


@pytest.mark.parametrize("size", [131_064, 131_065, 262_144, LARGEST_HEADER])
def test_a_header_larger_than_a_frame_may_be_is_read_since_the_broker_adds_to_what_was_sent(size: int) -> None:
    data = message(long_text(size)) + data_of(*GOOD)
    for cuts in ([], list(range(0, len(data), 50_000))):
        large, good = deliveries(Reader(131_072), data, cuts)
        assert large.properties.headers == {"k": "x" * (size - 25)}
        assert (large.unreadable, large.body, good.body) == ("", b"body", b"good")


@settings(deadline=None)
@given(st.integers(5001, 9000), st.sampled_from([b"", b"body"]), st.lists(st.integers(0, 20_000), max_size=6))
def test_a_header_beyond_all_bounds_goes_by_and_its_message_arrives_without_it(
    size: int, content: bytes, cuts: list[int]
) -> None:
    data = message(long_text(size), content) + data_of(*GOOD)
    bad, good = deliveries(Reader(4096, largest_header=5000), data, cuts)
    assert bad.unreadable == f"its header has {size} bytes, and at most 5000 are read"
    assert (bad.properties, bad.body) == (Properties(), content)
    assert (good.unreadable, good.body) == ("", b"good")


def test_a_header_that_goes_by_must_end_where_it_says() -> None:
    data = bytearray(message(long_text(6000), b""))
    data[-1] = 0
    with pytest.raises(ProtocolError, match="does not end"):
        list(Reader(4096, largest_header=5000).feed(bytes(data)))
