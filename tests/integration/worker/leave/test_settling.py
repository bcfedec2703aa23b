"""Settling with a broker and without a pipeline: what is counted while it is on its way, and the end of a session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec import Struct

from leveret.amqp import Addresses, Connection, Delivery
from leveret.observe import Observers
from leveret.outcome import Answer
from leveret.topology import Topology
from leveret.worker.arrive.intake import Intake
from leveret.worker.leave.backlog import Backlog
from leveret.worker.leave.in_hand import InHand
from leveret.worker.leave.outcome_messages import OutcomeMessages
from leveret.worker.leave.settle import Settler
from leveret.worker.session import Session
from leveret.worker.work import Work
from support.notes import note_api
from support.serving import LIMIT, Broker, Caller, keyring

ANSWER = Answer(b"{}")


class Desk(Struct):
    """A settler, what it settles, and what it counts."""

    settler: Settler
    backlog: Backlog
    in_hand: InHand
    caller: Caller
    arrived: asyncio.Queue[Delivery]

    async def next(self) -> Work:
        """Have a request come."""
        asked = {"id": "a", "version": "v1", "action": "health_check", "data": {}, "auth": ""}
        await self.caller.send(asked)
        item = Intake(note_api(), keyring()).take(await self.arrived.get())
        assert isinstance(item, Work)
        self.in_hand.add(item.delivery.delivery_tag)
        return item


@pytest.fixture
async def desk(broker: Broker, topology: Topology, caller: Caller) -> AsyncIterator[Desk]:
    session = await Session.open(Connection.open, Addresses.parse(broker.url), topology, name="test", prefetch=10)
    in_hand, backlog = InHand(session.consumer), Backlog(lambda: None)
    messages = OutcomeMessages(topology, keyring())
    settler = Settler(in_hand, session, messages, backlog=backlog, observers=Observers())
    arrived: asyncio.Queue[Delivery] = asyncio.Queue()

    def take(deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            arrived.put_nowait(delivery)

    await session.consume(topology.requests, take)
    async with asyncio.timeout(LIMIT):
        yield Desk(settler, backlog, in_hand, caller, arrived)
    await settler.close()
    await session.close()


async def test_a_reply_counts_until_it_is_confirmed_whichever_way_it_goes(desk: Desk) -> None:
    for way in ("a connection of its own, as the queue is new", "the connection of all"):
        desk.settler.settle([(await desk.next(), ANSWER)])
        assert desk.backlog.sending == len(ANSWER.body), way
        await desk.in_hand.empty()
        assert desk.backlog.sending == 0, way
        assert await desk.caller.reply() == {}


async def test_a_settler_that_is_closed_publishes_counts_and_acks_nothing(desk: Desk) -> None:
    desk.settler.settle([(await desk.next(), ANSWER)])
    await desk.in_hand.empty()
    late = await desk.next()
    await desk.settler.close()
    desk.settler.settle([(late, ANSWER)])
    assert desk.backlog.sending == 0
    assert len(desk.in_hand) == 1
    assert desk.settler.concluded == 1


async def test_what_is_on_its_way_when_a_session_ends_does_not_count_in_the_next_one(desk: Desk) -> None:
    desk.settler.settle([(await desk.next(), ANSWER)])
    await desk.in_hand.empty()
    desk.settler.settle([(await desk.next(), ANSWER)])
    await desk.settler.close()
    assert desk.backlog.sending == 0
    await desk.in_hand.empty()
    assert desk.backlog.sending == 0
