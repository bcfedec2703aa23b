"""No byte sequence, in whatever pieces, makes the driver hang or raise an error that is not its own."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import base, body, commands, frame, header, heartbeat

from leveret.amqp.errors import ProtocolError
from leveret.amqp.reader import Event, Reader

HEADERS: Any = {"a": [1, {"b": "c", "d": None}], "t": True}
PROPERTIES = commands.Basic.Properties(
    "text/plain", "utf-8", HEADERS, 2, 3, "correlation", "reply", "1000", "id", None, "type", "user", "app"
)
PARTS: list[tuple[frame.FrameTypes, int]] = [
    (commands.Connection.Start(server_properties={"product": "x", "capabilities": {"a": True}}), 0),
    (commands.Connection.Tune(10, 131072, 60), 0),
    (heartbeat.Heartbeat(), 0),
    (commands.Queue.DeclareOk("q", 1, 2), 1),
    (commands.Basic.Deliver("consumer", 1, redelivered=True, exchange="exchange", routing_key="key"), 1),
    (header.ContentHeader(0, 10, PROPERTIES), 1),
    (commands.Basic.Ack(5, multiple=True), 2),
    (body.ContentBody(b"0123"), 1),
    (body.ContentBody(b"456789"), 1),
    (commands.Basic.GetOk(2, exchange="exchange", routing_key="key", message_count=7), 1),
    (header.ContentHeader(0, 0, commands.Basic.Properties()), 1),
    (commands.Basic.Return(312, "NO_ROUTE", "exchange", "key"), 1),
    (header.ContentHeader(0, 1, PROPERTIES), 1),
    (body.ContentBody(b"x"), 1),
    (commands.Basic.Nack(6), 2),
    (commands.Channel.Close(404, "NOT_FOUND", 50, 10), 1),
]
STREAM = b"".join(frame.marshal(part, channel) for part, channel in PARTS)

cuts = st.lists(st.integers(0, 2000), max_size=8)


def plain(events: list[tuple[int, Event]]) -> list[tuple[int, object]]:
    """Return events that can be compared, because pamqp's methods cannot."""
    return [
        (channel, (type(event), list(event)) if isinstance(event, base.Frame) else event) for channel, event in events
    ]


def read(data: bytes, at: list[int]) -> list[tuple[int, Event]]:
    """Return the events that the reader makes of the pieces; a ProtocolError ends them."""
    reader, events = Reader(4096), []
    try:
        for start, end in pairwise(sorted({0, len(data), *(min(cut, len(data)) for cut in at)})):
            for event in reader.feed(data[start:end]):
                events.append(event)  # noqa: PERF402 - what came before an error counts
    except ProtocolError as error:
        assert error.reply_code in (501, 502, 503, 504, 505)  # noqa: PT017 - most inputs are errors, some are not
    return events


@given(st.binary(max_size=600), cuts)
@settings(max_examples=500, deadline=None)
def test_arbitrary_bytes_are_read_or_refused(data: bytes, at: list[int]) -> None:
    read(data, at)


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3, 8]), st.integers(0, 2), st.binary(max_size=60)), max_size=8), cuts)
@settings(max_examples=500, deadline=None)
def test_well_framed_nonsense_is_read_or_refused(parts: list[tuple[int, int, bytes]], at: list[int]) -> None:
    data = b"".join(
        bytes([kind]) + channel.to_bytes(2, "big") + len(payload).to_bytes(4, "big") + payload + b"\xce"
        for kind, channel, payload in parts
    )
    read(data, at)


@given(
    st.lists(st.tuples(st.integers(0, len(STREAM) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, len(STREAM) - 1), st.integers(0, 20)), max_size=2),
    cuts,
)
@settings(max_examples=1000, deadline=None)
def test_a_damaged_stream_is_read_or_refused_the_same_in_any_pieces(
    flips: list[tuple[int, int]], cut_out: list[tuple[int, int]], at: list[int]
) -> None:
    damaged = bytearray(STREAM)
    for place, value in flips:
        damaged[place] = value
    for place, length in cut_out:
        del damaged[place : place + length]
    assert plain(read(bytes(damaged), at)) == plain(read(bytes(damaged), []))


@given(
    st.sampled_from([0x3C003C, 0x3C0047, 0x3C0032, 0x3C0050, 0x3C0078]), st.binary(max_size=80), st.integers(0, 65535)
)
@settings(max_examples=500, deadline=None)
def test_hot_methods_with_any_arguments_are_read_or_refused(index: int, arguments: bytes, flags: int) -> None:
    method = index.to_bytes(4, "big") + arguments
    head = b"\0\x3c\0\0" + bytes(8) + flags.to_bytes(2, "big") + arguments
    for kind, payload in ((1, method), (2, head)):
        read(bytes([kind, 0, 1]) + len(payload).to_bytes(4, "big") + payload + b"\xce", [])


def test_the_whole_stream_is_read_when_nothing_is_damaged() -> None:
    kinds = [type(event).__name__ for _, event in read(STREAM, [])]
    assert kinds == [
        "Start",
        "Tune",
        "DeclareOk",
        "Confirmation",
        "Delivery",
        "FetchedMessage",
        "ReturnedMessage",
        "Confirmation",
        "Close",
    ]
