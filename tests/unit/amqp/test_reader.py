import time

import pytest
from pamqp import body, commands, frame, header, heartbeat

from leveret.amqp.errors import ProtocolError
from leveret.amqp.fields import DEEPEST
from leveret.amqp.message import Delivery, ReturnedMessage
from leveret.amqp.reader import Event, Reader


def data_of(*parts: frame.FrameTypes, channel: int = 1) -> bytes:
    return b"".join(frame.marshal(part, channel) for part in parts)


def raw(kind: int, payload: bytes, channel: int = 1) -> bytes:
    return bytes([kind]) + channel.to_bytes(2, "big") + len(payload).to_bytes(4, "big") + payload + b"\xce"


def read(data: bytes) -> list[tuple[int, Event]]:
    return list(Reader().feed(data))


def delivery(data: bytes) -> Delivery:
    ((_, event),) = read(data)
    assert isinstance(event, Delivery)
    return event


DELIVER = commands.Basic.Deliver("c", 1, exchange="", routing_key="k")
HEADER = header.ContentHeader(0, 4, commands.Basic.Properties())


def test_a_large_frame_that_drips_in_byte_by_byte_costs_no_more_than_its_length() -> None:
    data = data_of(
        DELIVER, header.ContentHeader(0, 120000, commands.Basic.Properties()), body.ContentBody(b"x" * 120000)
    )
    reader = Reader()
    began = time.process_time()
    events = [event for at in range(len(data)) for event in reader.feed(data[at : at + 1])]
    assert time.process_time() - began < 2
    assert len(events) == 1


def test_a_body_in_many_frames_is_put_together_and_other_channels_may_speak_between() -> None:
    other = data_of(commands.Basic.Ack(9), channel=2)
    pieces = [data_of(body.ContentBody(b"ab")), other, data_of(body.ContentBody(b"cd"))]
    events = read(data_of(DELIVER, HEADER) + b"".join(pieces))
    assert [channel for channel, _ in events] == [2, 1]
    assert isinstance(events[1][1], Delivery)
    assert events[1][1].body == b"abcd"


def test_heartbeats_are_no_events() -> None:
    assert read(data_of(heartbeat.Heartbeat())) == []


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", 501, "HTTP/1.1"),
        (b"AMQP\x00\x00\x09\x01", 501, "AMQP"),
        (b"\x15\x03\x03\x00\x02\x02\x28", 501, "unknown type 21"),
        (bytes([1, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]), 501, "1048584"),
        (raw(3, bytes(131065)), 501, "131072"),
        (raw(8, b"x", 0), 501, "type 8"),
        (data_of(commands.Basic.Ack(1))[:-1] + b"\x00", 501, "does not end"),
        (raw(1, b""), 502, "cannot be read"),
        (raw(1, b"\x00\x63\x00\x63"), 502, "cannot be read"),
        (raw(1, b"\x00\x3c\x00\x50\x00"), 502, "cannot be read"),
        (data_of(HEADER), 505, "without its method"),
        (data_of(body.ContentBody(b"x")), 505, "without its header"),
        (data_of(DELIVER, body.ContentBody(b"x")), 505, "without its header"),
        (data_of(DELIVER, HEADER, HEADER), 505, "without its method"),
        (data_of(DELIVER, DELIVER), 505, "in the middle"),
        (data_of(DELIVER, HEADER, commands.Basic.Ack(1)), 505, "in the middle"),
        (data_of(DELIVER, HEADER, body.ContentBody(b"12345")), 501, "more content"),
        (data_of(DELIVER) + raw(2, b"\0\x32\0\0" + bytes(10)), 501, "class 50"),
        (data_of(DELIVER) + raw(2, b"\0\x3c\0\1" + bytes(10)), 501, "weight 1"),
        (raw(1, b"\x00\x3c\x00\x3c\x01c" + bytes(9) + b"\x01e\x05key"), 502, "last name"),
        (raw(1, b"\x00\x3c\x00\x50" + bytes(20)), 502, "wrong length"),
    ],
)
def test_what_breaks_the_rules_is_named_with_its_code(data: bytes, code: int, says: str) -> None:
    with pytest.raises(ProtocolError, match=says) as caught:
        read(data)
    assert caught.value.reply_code == code


def test_what_is_no_amqp_is_refused_before_a_whole_frame_is_there() -> None:
    with pytest.raises(ProtocolError, match="unknown type 72"):
        read(b"HTTP/1.")


def test_events_before_an_error_are_handed_on() -> None:
    events = Reader().feed(data_of(commands.Basic.Ack(1)) + b"nonsense")
    assert next(events)
    with pytest.raises(ProtocolError):
        next(events)


def test_bytes_that_are_not_utf8_do_not_break_a_consumer() -> None:
    head = b"\0\x3c\0\0" + bytes(8) + b"\x26\x00" + b"\x00\x00\x00\x09\x02k\xffS\x00\x00\x00\x01\xfe"
    event = delivery(data_of(DELIVER) + raw(2, head + b"\x03a\xffb" + b"\x01r"))
    assert event.properties.correlation_id == "a\\xffb"
    assert event.properties.headers == {"k\\xff": b"\xfe"}


def test_tables_nested_without_end_arrive_as_raw_bytes_below_the_deepest_level() -> None:
    table = b"\x01kV"
    for _ in range(5000):
        table = b"\x01kF" + len(table).to_bytes(4, "big") + table
    head = b"\0\x3c\0\0" + bytes(8) + b"\x20\x00" + len(table).to_bytes(4, "big") + table
    headers: object = delivery(data_of(DELIVER) + raw(2, head)).properties.headers
    for _ in range(DEEPEST + 1):
        assert isinstance(headers, dict)
        headers = headers["k"]
    assert isinstance(headers, bytes)


def test_a_time_beyond_the_calendar_arrives_as_its_number() -> None:
    head = b"\0\x3c\0\0" + bytes(8) + b"\x20\x00" + b"\x00\x00\x00\x0b\x01tT" + b"\xff" * 8
    assert delivery(data_of(DELIVER) + raw(2, head)).properties.headers == {"t": 2**64 - 1}


def test_the_drivers_own_header_is_taken_off_a_delivery_and_kept_for_a_return() -> None:
    alone = commands.Basic.Properties(headers={"x-publish-seq": 12})
    with_more = commands.Basic.Properties(headers={"x-publish-seq": 13, "mine": 1})
    assert delivery(data_of(DELIVER, header.ContentHeader(0, 0, alone))).properties.headers is None
    assert delivery(data_of(DELIVER, header.ContentHeader(0, 0, with_more))).properties.headers == {"mine": 1}
    ((_, event),) = read(
        data_of(commands.Basic.Return(312, "NO_ROUTE", "", "k"), header.ContentHeader(0, 0, with_more))
    )
    assert isinstance(event, ReturnedMessage)
    assert (event.sequence, event.properties.headers) == (13, {"mine": 1})


def test_remembered_names_do_not_grow_without_end() -> None:
    reader = Reader()
    empty = header.ContentHeader(0, 0, commands.Basic.Properties())
    for number in range(10000):
        assert list(
            reader.feed(data_of(commands.Basic.Deliver("c", 1, exchange="", routing_key=f"key-{number}"), empty))
        )
    assert len(reader._names) <= 4096
