"""Publishing to a scripted broker."""

import pytest
from pamqp import commands, frame, header

from leveret.amqp import (
    ChannelClosed,
    InvalidArgument,
    Message,
    Properties,
    Refused,
    Unroutable,
)
from support.amqp_peer import Talk, channel_to


def returned(headers: dict[str, object]) -> list[frame.FrameTypes]:
    properties = commands.Basic.Properties(headers=headers)  # type: ignore[arg-type]  # plain values
    return [commands.Basic.Return(312, "NO_ROUTE", "x", "k"), header.ContentHeader(0, 0, properties)]


async def test_a_refused_publish_is_told_to_the_one_that_sent_it() -> None:
    async def script(talk: Talk) -> None:
        for _ in range(3):
            await talk.expect_message()
        talk.send(commands.Basic.Nack(2), commands.Basic.Ack(3, multiple=True))
        await talk.drain_until_gone_quietly()

    async with channel_to(script, confirms=True) as (_, channel):
        verdicts = await channel.publish_batch([Message(b"x", "k", "x")] * 3)
        assert [type(verdict) for verdict in verdicts] == [type(None), Refused, type(None)]
        assert "'x' with key 'k'" in str(verdicts[1])


async def test_a_refused_publish_raises() -> None:
    async def script(talk: Talk) -> None:
        await talk.expect_message()
        talk.send(commands.Basic.Nack(1, multiple=True))
        await talk.drain_until_gone_quietly()

    async with channel_to(script, confirms=True) as (_, channel):
        with pytest.raises(Refused):
            await channel.publish(Message(b"x", "k"))


async def test_a_returned_message_is_reported_to_the_publish_that_sent_it() -> None:
    same = Message(b"same", "same", "x", Properties(message_id="same", headers={"mine": 1}), mandatory=True)

    async def script(talk: Talk) -> None:
        heads = [(await talk.expect_message())[1] for _ in range(4)]
        seen = [head.properties.headers or {} for head in heads]
        assert all(headers["mine"] == 1 for headers in seen)
        talk.send(*returned(dict(seen[2])), commands.Basic.Ack(4, multiple=True))
        await talk.drain_until_gone_quietly()

    async with channel_to(script, confirms=True) as (_, channel):
        first = channel.publish_batch([same, same])
        second = channel.publish_batch([same, same])
        assert await first == [None, None]
        verdicts = await second
    assert verdicts[1] is None
    error = verdicts[0]
    assert isinstance(error, Unroutable)
    assert (error.reply_code, error.text, error.exchange, error.routing_key) == (312, "NO_ROUTE", "x", "k")


async def test_a_return_without_our_number_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def script(talk: Talk) -> None:
        await talk.expect_message()
        talk.send(*returned({}), *returned({"x-publish-seq": 77}), *returned({"x-publish-seq": "text"}))
        talk.send(commands.Basic.Ack(1))
        await talk.drain_until_gone_quietly()

    async with channel_to(script, confirms=True) as (_, channel):
        assert await channel.publish_batch([Message(b"x", "k", mandatory=True)]) == [None]
    assert caplog.messages.count("a message came back that nobody waits for: NO_ROUTE to 'k'") == 3


async def test_a_message_that_is_not_mandatory_carries_no_header_of_ours() -> None:
    async def script(talk: Talk) -> None:
        _, head, _ = await talk.expect_message()
        assert head.properties.headers is None
        talk.send(commands.Basic.Ack(1))
        await talk.drain_until_gone_quietly()

    async with channel_to(script, confirms=True) as (_, channel):
        await channel.publish(Message(b"x", "k"))


async def test_what_the_broker_did_not_confirm_is_unknown_when_the_channel_goes() -> None:
    async def script(talk: Talk) -> None:
        await talk.expect_message()
        await talk.expect_message()
        talk.send(commands.Basic.Ack(1), commands.Channel.Close(404, "NOT_FOUND - no exchange 'x'", 60, 40))
        await talk.expect(commands.Channel.CloseOk)
        await talk.drain_until_gone_quietly()

    async with channel_to(script, confirms=True) as (_, channel):
        verdicts = await channel.publish_batch([Message(b"x", "k", "x")] * 2)
        assert verdicts[0] is None
        assert isinstance(verdicts[1], ChannelClosed)
        assert verdicts[1].unknown
        with pytest.raises(ChannelClosed, match="no exchange"):
            channel.publish_batch([Message(b"x", "k")])


async def test_a_batch_with_one_impossible_message_sends_none() -> None:
    heard: list[bytes] = []

    async def script(talk: Talk) -> None:
        await talk.expect_message()
        talk.send(commands.Basic.Ack(1))
        heard.append(await talk.drain_until_gone())

    impossible: list[Message] = [
        Message(b"x", "k" * 256),
        Message(b"x", "k\ud800"),
        Message(b"x", "k", "x" * 256),
        Message("text", "k"),  # type: ignore[arg-type]  # what a caller without types may do
        Message(b"x", "k", properties=Properties(correlation_id="c" * 256)),
        Message(b"x", "k", properties=Properties(delivery_mode=3)),
        Message(b"x", "k", properties=Properties(priority=256)),
        Message(b"x", "k", properties=Properties(timestamp=-1)),
        Message(b"x", "k", properties=Properties(message_id=5)),  # type: ignore[arg-type]  # as above
        Message(b"x", "k", properties=Properties(headers={"n": 2**63})),
        Message(b"x", "k", properties=Properties(headers={"n": object()})),  # type: ignore[dict-item]  # as above
    ]
    async with channel_to(script, confirms=True) as (connection, channel):
        for message in impossible:
            with pytest.raises(InvalidArgument):
                channel.publish_batch([Message(b"good", "k"), message])
        await channel.publish(Message(b"good", "k"))
        connection.abort()
    assert heard == [b""]


async def test_mandatory_without_confirms_is_refused_because_nobody_could_be_told() -> None:
    async with channel_to(Talk.drain_until_gone_quietly) as (_, channel):
        with pytest.raises(InvalidArgument, match="confirms"):
            channel.publish_batch([Message(b"x", "k", mandatory=True)])


@pytest.mark.parametrize("tag", [-1, 2**64])
async def test_what_is_no_delivery_tag_is_refused(tag: int) -> None:
    async with channel_to(Talk.drain_until_gone_quietly) as (_, channel):
        for settle in (channel.ack, channel.nack, channel.reject):
            with pytest.raises(InvalidArgument, match="delivery tag"):
                settle(tag)
