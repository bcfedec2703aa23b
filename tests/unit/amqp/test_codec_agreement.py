"""Our frames and pamqp's must agree, in both directions."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import body as pamqp_body
from pamqp import commands, decode, frame, header

from leveret.amqp import FieldTable, Message, Properties, frames
from leveret.amqp.fields import decode_table, encode_table
from leveret.amqp.message import Confirmation, Delivery, FetchedMessage, ReturnedMessage
from leveret.amqp.methods import encode_method
from leveret.amqp.reader import Event, Reader

in_its_own_time = settings(deadline=None)
short_text = st.text(st.characters(codec="utf-8"), max_size=60)
name = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
plain_name = st.from_regex(r"[a-zA-Z0-9-_.:@#,/+ ]{0,40}", fullmatch=True)
seconds = st.integers(0, 4102444800)
time = seconds.map(lambda value: datetime.fromtimestamp(value, UTC))
number = st.integers(-(2**63), 2**63 - 1)
single = st.floats(width=32, allow_nan=False, allow_infinity=False)
leaf = st.none() | st.booleans() | number | single | short_text | time
values = st.recursive(leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(name, inner, max_size=4))
tables: st.SearchStrategy[Any] = st.dictionaries(name, values, max_size=5)
octet = st.integers(0, 255)
tag = st.integers(0, 2**63 - 1)
content = st.binary(max_size=300)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


filled_text = optional(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
properties = st.builds(
    Properties,
    content_type=filled_text,
    content_encoding=filled_text,
    headers=optional(tables),
    delivery_mode=optional(st.sampled_from([1, 2])),
    priority=optional(octet),
    correlation_id=filled_text,
    reply_to=filled_text,
    expiration=filled_text,
    message_id=filled_text,
    timestamp=optional(seconds),
    type=filled_text,
    user_id=filled_text,
    app_id=filled_text,
)


def theirs(ours: Properties) -> commands.Basic.Properties:
    """Return the same properties as pamqp's record."""
    made = commands.Basic.Properties()
    for field in Properties.__struct_fields__:
        value = getattr(ours, field)
        if field == "timestamp" and value is not None:
            value = datetime.fromtimestamp(value, UTC)
        if field == "cluster_id":
            value = value or ""
        setattr(made, "message_type" if field == "type" else field, value)
    return made


def by_pamqp(data: bytes) -> list[tuple[int, frame.FrameTypes]]:
    found = []
    while data:
        size, channel, one = frame.unmarshal(data)
        found.append((channel, one))
        data = data[size:]
    return found


def by_us(data: bytes) -> list[tuple[int, Event]]:
    return list(Reader().feed(data))


def from_pamqp(channel: int, *parts: frame.FrameTypes) -> bytes:
    return b"".join(frame.marshal(part, channel) for part in parts)


@in_its_own_time
@given(properties, short_text, short_text, content, st.booleans(), st.integers(1, 65535))
def test_a_publish_reads_the_same_to_pamqp(
    given_properties: Properties, exchange: str, key: str, body: bytes, mandatory: bool, channel: int
) -> None:
    message = Message(body, key, exchange, given_properties, mandatory)
    parts = by_pamqp(frames.publish(channel, message, 131072))
    assert {where for where, _ in parts} == {channel}
    (_, publish), (_, head), *bodies = parts
    assert isinstance(publish, commands.Basic.Publish)
    assert isinstance(head, header.ContentHeader)
    assert (publish.exchange, publish.routing_key, publish.mandatory) == (exchange, key, mandatory)
    assert (publish.immediate, publish.ticket) == (False, 0)
    assert head.body_size == len(body)
    assert head.properties == theirs(given_properties)
    assert b"".join(each.value or b"" for _, each in bodies if isinstance(each, pamqp_body.ContentBody)) == body
    assert len(bodies) == (1 if body else 0)


@in_its_own_time
@given(st.binary(min_size=1, max_size=20000), st.integers(4096, 6000))
def test_a_body_larger_than_a_frame_is_split_into_full_frames(body: bytes, frame_max: int) -> None:
    data = frames.publish(1, Message(body, "k"), frame_max)
    sizes = [len(frame.marshal(each, 1)) for _, each in by_pamqp(data)[2:]]
    assert all(size == frame_max for size in sizes[:-1])
    assert sizes[-1] <= frame_max
    whole = b"".join(each.value or b"" for _, each in by_pamqp(data)[2:] if isinstance(each, pamqp_body.ContentBody))
    assert whole == body


@in_its_own_time
@given(st.integers(0, 2**63 - 1), st.booleans(), st.booleans())
def test_settlements_read_the_same_to_pamqp(delivery_tag: int, multiple: bool, requeue: bool) -> None:
    ((_, acked),) = by_pamqp(frames.ack(7, delivery_tag, multiple=multiple))
    assert isinstance(acked, commands.Basic.Ack)
    assert (acked.delivery_tag, acked.multiple) == (delivery_tag, multiple)
    ((_, nacked),) = by_pamqp(frames.nack(7, delivery_tag, multiple=multiple, requeue=requeue))
    assert isinstance(nacked, commands.Basic.Nack)
    assert (nacked.delivery_tag, nacked.multiple, nacked.requeue) == (delivery_tag, multiple, requeue)
    ((_, rejected),) = by_pamqp(frames.reject(7, delivery_tag, requeue=requeue))
    assert isinstance(rejected, commands.Basic.Reject)
    assert (rejected.delivery_tag, rejected.requeue) == (delivery_tag, requeue)


@in_its_own_time
@given(properties, short_text, plain_name, short_text, content, st.booleans(), tag, st.integers(1, 65535))
def test_a_delivery_written_by_pamqp_is_read_as_it_is(
    given_properties: Properties,
    consumer: str,
    exchange: str,
    key: str,
    body: bytes,
    redelivered: bool,
    delivery_tag: int,
    channel: int,
) -> None:
    method = commands.Basic.Deliver(consumer, delivery_tag, redelivered, "", "")
    method.exchange, method.routing_key = exchange, key
    head = header.ContentHeader(0, len(body), theirs(given_properties))
    data = from_pamqp(channel, method, head, *([pamqp_body.ContentBody(body)] if body else []))
    expected = Delivery(consumer, delivery_tag, redelivered, exchange, key, given_properties, body)
    assert by_us(data) == [(channel, expected)]


@in_its_own_time
@given(properties, plain_name, short_text, content, st.booleans(), tag, st.integers(0, 2**32 - 1))
def test_a_got_message_written_by_pamqp_is_read_as_it_is(
    given_properties: Properties, exchange: str, key: str, body: bytes, redelivered: bool, delivery_tag: int, left: int
) -> None:
    method = commands.Basic.GetOk(delivery_tag, redelivered, "", "", left)
    method.exchange, method.routing_key = exchange, key
    head = header.ContentHeader(0, len(body), theirs(given_properties))
    data = from_pamqp(3, method, head, *([pamqp_body.ContentBody(body)] if body else []))
    expected = FetchedMessage(Delivery("", delivery_tag, redelivered, exchange, key, given_properties, body), left)
    assert by_us(data) == [(3, expected)]


@in_its_own_time
@given(properties, st.integers(0, 65535), short_text, plain_name, short_text, content)
def test_a_returned_message_written_by_pamqp_is_read_as_it_is(
    given_properties: Properties, code: int, text: str, exchange: str, key: str, body: bytes
) -> None:
    method = commands.Basic.Return(code, text, "", "")
    method.exchange, method.routing_key = exchange, key
    head = header.ContentHeader(0, len(body), theirs(given_properties))
    data = from_pamqp(3, method, head, *([pamqp_body.ContentBody(body)] if body else []))
    assert by_us(data) == [(3, ReturnedMessage(0, code, text, exchange, key, given_properties, body))]


@in_its_own_time
@given(tag, st.booleans())
def test_confirms_written_by_pamqp_are_read_as_they_are(delivery_tag: int, multiple: bool) -> None:
    data = from_pamqp(2, commands.Basic.Ack(delivery_tag, multiple), commands.Basic.Nack(delivery_tag, multiple))
    assert by_us(data) == [
        (2, Confirmation(delivery_tag, multiple, accepted=True)),
        (2, Confirmation(delivery_tag, multiple, accepted=False)),
    ]


@in_its_own_time
@given(st.lists(st.tuples(properties, content), max_size=4), st.lists(st.integers(0, 4000), max_size=12))
def test_however_the_bytes_are_cut_the_events_are_the_same(
    sent: list[tuple[Properties, bytes]], cuts: list[int]
) -> None:
    data = b"".join(
        from_pamqp(
            1,
            commands.Basic.Deliver("c", 1, exchange="", routing_key="k"),
            header.ContentHeader(0, len(body), theirs(head)),
            pamqp_body.ContentBody(body),
        )
        for head, body in sent
        if body
    )
    reader = Reader()
    events: list[tuple[int, Event]] = []
    for start, end in pairwise(sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})):
        events += reader.feed(data[start:end])
    assert events == by_us(data)
    assert len(events) == sum(1 for _, body in sent if body)


exact = st.floats(allow_nan=False)
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-2000000, max_value=2000000)
own_leaf = leaf | exact | st.binary(max_size=40) | decimals
own_values = st.recursive(
    own_leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(name, inner, max_size=4)
)


@in_its_own_time
@given(st.dictionaries(name, own_values, max_size=6))
def test_a_table_comes_back_as_it_was_sent_also_where_pamqp_would_change_it(table: Any) -> None:
    data = b"before" + encode_table(table) + b"after"
    assert decode_table(data, 6) == (table, len(data) - 5)


@in_its_own_time
@given(tables, plain_name)
def test_a_declaration_with_our_table_reads_the_same_to_pamqp(table: FieldTable, queue: str) -> None:
    ((_, found),) = by_pamqp(encode_method(5, commands.Queue.Declare(queue=queue, durable=True), table))
    assert isinstance(found, commands.Queue.Declare)
    assert (found.queue, found.durable, found.arguments) == (queue, True, table)


@in_its_own_time
@given(st.decimals(min_value=0, max_value=200000, places=4))
def test_decimals_read_the_same_to_pamqp(value: Decimal) -> None:
    assert decode.field_table(encode_table({"d": value}))[1] == {"d": value}
