"""Requests come in their order; versions, callers and users do not meet."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa

from leveret.amqp import Connection
from leveret.testing import AsyncTestClient
from support.tested import Gate, Opening, content_of, notes, publish
from support.versions import STRICT_PRIORITIES, version_of


def texts(client: AsyncTestClient) -> list[str]:
    with client.engine.connect() as connection:
        return list(connection.execute(sa.select(notes.c.text).order_by(notes.c.id)).scalars())


async def test_two_versions_of_an_action_are_two_actions(user: AsyncTestClient) -> None:
    assert await user.call("write", {"text": "x"}) == {"id": 1, "text": "x"}
    assert await user.call("write", {"text": "x"}, version="v2") == {"note": {"id": 2, "text": "x"}}


async def test_requests_are_carried_out_in_the_order_in_which_they_came(opening: Opening, gate: Gate) -> None:
    async with opening(PREFETCH=3) as client:
        user = client.as_user("7")
        await user.send("pass_gate")
        await gate.begins()
        for n in range(20):
            await user.send("write", {"text": str(n)})
        gate.opened.set()
        await user.settled()
        assert texts(client) == ["passed", *map(str, range(20))]


async def test_a_lower_priority_waits_where_the_broker_knows_priorities(
    opening: Opening, gate: Gate, address: str | None
) -> None:
    async with opening(PREFETCH=1) as client:
        user = client.as_user("7")
        await user.send("pass_gate")
        await gate.begins()
        for number, priority in enumerate((1, None, 4, 0)):
            content = content_of(f"p{number}", "write", {"text": str(number)}, user)
            await publish(client, content, correlation_id=f"p{number}", priority=priority)
        gate.opened.set()
        await user.settled()
        found = texts(client)
        assert found == ["passed", *("1203" if await knows_priorities(address) else "0123")]


async def knows_priorities(address: str | None) -> bool:
    """Whether the broker orders by priority; that in memory does, as the newest RabbitMQ."""
    if address is None:
        return True
    connection = await Connection.open(address, name="version")
    try:
        return version_of(connection) >= STRICT_PRIORITIES
    finally:
        await connection.close()


async def test_two_test_clients_at_the_same_time_do_not_meet(opening: Opening) -> None:
    async with opening() as first, opening() as second:
        one, two = first.as_user("7"), second.as_user("7")
        await asyncio.gather(one.call("write", {"text": "a"}), two.call("write", {"text": "b"}))
        await two.send("no_such_action")
        assert (texts(first), texts(second)) == (["a"], ["b"])
        assert (len(await first.letters()), len(await second.letters())) == (0, 1)
