"""A body that is larger than its consumer takes is dropped while it comes in; the delivery says how large it was."""

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import body, commands, frame, header

from leveret.amqp import Delivery, InvalidArgument
from leveret.amqp.message import FetchedMessage, ReturnedMessage
from leveret.amqp.reader import Reader
from support.amqp_peer import Talk, channel_to

FRAME = 4096
PIECE = FRAME - 8
DELIVER = commands.Basic.Deliver("c", 1, exchange="", routing_key="k")


def message(size: int, method: frame.FrameTypes = DELIVER) -> Iterator[bytes]:
    """Return the frames of a message with a body of that many bytes, in frames of the largest size."""
    properties = commands.Basic.Properties(correlation_id=f"{size}")
    yield frame.marshal(method, 1) + frame.marshal(header.ContentHeader(0, size, properties), 1)
    for start in range(0, size, PIECE):
        yield frame.marshal(body.ContentBody(b"x" * min(PIECE, size - start)), 1)


def reader(largest: int) -> Reader:
    found = Reader(FRAME)
    found.largest_bodies["c"] = largest
    return found


@settings(deadline=None)
@given(st.lists(st.integers(0, 30_000), min_size=1, max_size=4), st.integers(FRAME, 30_000))
def test_what_is_too_large_comes_without_its_bytes_and_everything_else_with_them(sizes: list[int], most: int) -> None:
    data = b"".join(piece for size in sizes for piece in message(size))
    events = [event for _, event in reader(most).feed(data)]
    assert [type(event) for event in events] == [Delivery] * len(sizes)
    for size, event in zip(sizes, events, strict=True):
        assert isinstance(event, Delivery)
        assert (event.body, event.left_out) == ((b"x" * size, 0) if size <= most else (b"", size))
        assert event.properties.correlation_id == f"{size}"


def test_sixty_mebibytes_go_by_without_being_kept() -> None:
    under_test = reader(FRAME)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        events = [event for piece in message(60 * 2**20) for _, event in under_test.feed(piece)]
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert [event.left_out for event in events if isinstance(event, Delivery)] == [60 * 2**20]
    assert peak < 2**20


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        (commands.Basic.GetOk(1, exchange="", routing_key="k", message_count=0), FetchedMessage),
        (commands.Basic.Return(312, "NO_ROUTE", "", "k"), ReturnedMessage),
    ],
)
def test_only_what_a_consumer_gets_is_left_out(method: frame.FrameTypes, kind: type) -> None:
    (event,) = [event for _, event in reader(FRAME).feed(b"".join(message(10_000, method)))]
    assert isinstance(event, kind)
    whole = event.delivery if isinstance(event, FetchedMessage) else event
    assert isinstance(whole, Delivery | ReturnedMessage)
    assert whole.body == b"x" * 10_000


async def test_a_limit_below_a_frame_is_refused_and_one_ends_with_its_consumer() -> None:
    async def script(talk: Talk) -> None:
        tag = (await talk.expect(commands.Basic.Consume)).consumer_tag
        talk.send(commands.Basic.ConsumeOk(tag))
        assert (await talk.expect(commands.Basic.Cancel)).consumer_tag == tag
        talk.send(commands.Basic.CancelOk(tag))
        await talk.drain_until_gone_quietly()

    async with channel_to(script) as (_, channel):
        with pytest.raises(InvalidArgument, match="largest_body is 4095"):
            await channel.consume("q", lambda _: None, largest_body=4095)
        tag = await channel.consume("q", lambda _: None, largest_body=2**20)
        limits = channel._link.reader.largest_bodies
        assert limits == {tag: 2**20}
        await channel.cancel(tag)
        assert limits == {}
