"""Headers so large that what the broker adds to them makes their frame larger than was agreed."""

import asyncio
from typing import Any

import pytest

from leveret.amqp import AmqpError, Connection, FieldTable, InvalidArgument, Message, Properties
from leveret.amqp.properties import encode_properties
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.letters.look import look
from leveret.topology import Topology
from leveret.wire.codec import encode_json
from support.redriving import Again, until_depth
from support.serving import Broker, Caller, Serve

FITS = 131_072 - 8 - 14
"""Bytes of properties that fit into the largest frame that a client may send."""

DELIVERY_COUNT = 30
"""Bytes, about, that the broker adds to a message that was delivered before."""

SIZES = (FITS, FITS - 1, FITS - DELIVERY_COUNT, FITS - 2 * DELIVERY_COUNT)


def padded(size: int, **properties: Any) -> Properties:
    """Properties of exactly so many bytes."""

    def made(length: int) -> Properties:
        headers: FieldTable = {"pad": "x" * length}
        return Properties(headers=headers, **properties)

    found = made(size - len(encode_properties(made(0))[1]))
    assert len(encode_properties(found)[1]) == size
    return found


def write(request_id: str, auth: str) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": "write", "data": {"text": "x"}, "auth": auth}


async def publish(caller: Caller, request: dict[str, Any], size: int = FITS, **properties: Any) -> None:
    """Not mandatory, because that would add a header."""
    properties = {"delivery_mode": 2, "correlation_id": request["id"], **properties}
    to = caller.topology
    await caller.channel.publish(Message(encode_json(request), to.requests, to.exchange, padded(size, **properties)))


async def taken(caller: Caller, count: int) -> list[int]:
    tags: list[int] = []
    while len(tags) < count:
        if got := await caller.channel.get(caller.topology.requests):
            tags.append(got.delivery.delivery_tag)
    return tags


async def test_a_redelivered_request_with_a_header_at_the_limit_is_executed_and_so_are_others(
    serve: Serve, caller: Caller, token: str
) -> None:
    for number, size in enumerate(SIZES):
        await publish(caller, write(f"r{number}", token), size, reply_to=DIRECT_REPLY_TO)
    for _ in range(2):
        for tag in await taken(caller, len(SIZES)):
            caller.channel.nack(tag, requeue=True)
    async with serve():
        answers = [await caller.reply() for _ in SIZES]
        assert {answer["status"] for answer in answers} == {"ok"}
        assert (await caller.ask(write("other", token)))["status"] == "ok"
    assert await taken_letters(caller) == 0


async def taken_letters(caller: Caller) -> int:
    return (await caller.channel.declare_queue(caller.topology.dead_letters, passive=True)).messages


@pytest.mark.parametrize("how", ["expired", "rejected"])
async def test_letters_with_such_headers_are_shown_refused_by_redrive_and_discarded(
    broker: Broker, topology: Topology, caller: Caller, token: str, again: Again, how: str
) -> None:
    expiration = {"expiration": "1"} if how == "expired" else {}
    for number, size in enumerate(SIZES):
        await publish(caller, write(f"r{number}", token), size, **expiration)
    if how == "rejected":
        for tag in await taken(caller, len(SIZES)):
            caller.channel.nack(tag, requeue=False)
    await until_depth(caller, len(SIZES))
    connection = await Connection.open(broker.url)
    try:
        for _ in range(2):  # the second time they were delivered before
            letters = await look(connection, topology)
            assert [letter.correlation_id for letter in letters] == ["r0", "r1", "r2", "r3"]
            assert {letter.deaths[0].reason for letter in letters} == {how}
            assert all(len(str(letter.headers["pad"])) > 130_000 for letter in letters)
    finally:
        await connection.close()
    assert "no worker wrote this" in await again.refused("r0")
    report = await again.discard(None)
    assert (report.done, report.kept, report.complete) == (len(SIZES), 0, True)


async def test_properties_that_no_frame_holds_are_refused_before_anything_is_written(caller: Caller) -> None:
    with pytest.raises(InvalidArgument, match="fit into a frame"):
        await caller.channel.publish(Message(b"", "nowhere", "", padded(FITS + 1)))
    try:
        await asyncio.wait_for(caller.channel.publish(Message(b"", "nowhere", "", padded(FITS))), 20)
    except AmqpError as error:
        pytest.fail(f"the broker does not take what is said to fit: {error}")
