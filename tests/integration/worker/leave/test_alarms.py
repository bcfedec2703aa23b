"""Under a memory alarm the broker stops reading from connections that publish: acks must still flow."""

import asyncio
from datetime import timedelta

import pytest

from leveret.amqp import AmqpError, Connection, Limits, Message
from leveret.client import Client
from leveret.devbroker import DevBroker
from leveret.errors import NoAnswer, NotSent
from leveret.observe import Record, Settled
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from leveret.worker.leave.unproven import TRIES, UnprovenReplies, UnprovenReply
from leveret.worker.publishing import Publisher
from support.notes import note_api
from support.serving import LIMIT, calling, serving, until
from testbed.alarm import memory_alarm

pytestmark = pytest.mark.timeout(func_only=True)
"""The start of a broker has a limit of its own, and names what is missing when it reaches it."""


def write(request_id: str, auth: str) -> dict[str, object]:
    return {"id": request_id, "version": "v1", "action": "write", "data": {"text": "x"}, "auth": auth}


async def error_under_an_alarm(client: Client, token: str) -> str:
    """Call until the error names an alarm: the broker tells a client of it at some time after its first request."""
    error = ""
    async with asyncio.timeout(LIMIT):
        while "alarm" not in error:
            with pytest.raises((NoAnswer, NotSent)) as told:
                await client.call("count", token=token, timeout=1.5)
            error = str(told.value)
    return error


async def test_acks_flow_while_replies_are_held_back_and_callers_get_a_clear_error(
    lent_broker: DevBroker, topology: Topology, database: str, token: str
) -> None:
    url = lent_broker.url
    async with calling(url, topology) as caller, Client(url, topology=topology) as client:
        await caller.send(write("a0", token))
        for number in range(1, 21):
            await caller.send(write(f"a{number}", token), reply_to=None)
        hasty = WorkerOptions(name="test", drain=timedelta(seconds=3))
        alarm = memory_alarm(lent_broker)
        await asyncio.to_thread(alarm.__enter__)
        settled: list[Record] = []

        def note(record: Record) -> None:
            if isinstance(record, Settled):
                settled.append(record)

        try:
            async with serving(note_api(), url, topology, database, options=hasty, observers=[note]):
                error = await error_under_an_alarm(client, token)
                assert "blocks publishers until its alarm is over: low on memory" in error
                await until(lambda: len(settled) == 20, "acks of all that need no reply")
            state = await (await caller.connection.channel()).declare_queue(topology.requests, passive=True)
            assert state.messages in (1, 2), "only what waits for its reply's confirm, and the call, came back"
        finally:
            await asyncio.to_thread(alarm.__exit__, None, None, None)
        async with serving(note_api(), url, topology, database):
            assert (await caller.reply())["correlation_id"] == "a0"
            assert await client.call("count", token=token) == 21


async def test_a_channel_that_cannot_be_opened_because_of_an_alarm_is_waited_for(
    lent_broker: DevBroker, topology: Topology
) -> None:
    short = Limits(rpc=2.0)
    message = Message(b"x", topology.dead_letters, mandatory=True)
    lost: list[AmqpError] = []
    async with calling(lent_broker.url, topology):
        connection = await Connection.open(lent_broker.url, limits=short)
        try:
            publisher = Publisher(connection, await connection.channel(confirms=True), lost.append)
            alarm = memory_alarm(lent_broker)
            await asyncio.to_thread(alarm.__enter__)
            try:
                confirmed = publisher.publish([message])
                await until(lambda: connection.blocked, "the alarm")
                alone = asyncio.create_task(publisher.publish_alone(message))
                await asyncio.wait({alone}, timeout=1.5 * short.rpc)
                assert not alone.done()
            finally:
                await asyncio.to_thread(alarm.__exit__, None, None, None)
            assert await confirmed == [None]
            assert await alone is None
            assert not lost
        finally:
            await connection.close()


async def test_a_reply_that_an_alarm_holds_back_is_not_taken_for_a_forgers(
    lent_broker: DevBroker, topology: Topology, token: str
) -> None:
    hasty = Limits(confirm=0.3)
    done: list[int] = []
    sizes: list[int] = []
    async with calling(lent_broker.url, topology) as caller:
        await caller.send(write("a", token))
        got = await caller.channel.get(topology.requests, no_ack=True)
        assert got is not None
        queue = got.delivery.properties.reply_to or ""
        replies = UnprovenReplies(
            lambda: Connection.open(lent_broker.url, limits=hasty),
            write_shorter=lambda *_: None,
            on_done=done.extend,
            on_size=sizes.append,
            on_failure=lambda _: None,
            room=10,
        )
        alarm = memory_alarm(lent_broker)
        await asyncio.to_thread(alarm.__enter__)
        try:
            replies.publish(UnprovenReply(Message(b"{}", queue), "a", 1))
            await until(lambda: sizes.count(2) > TRIES + 1, "more tries than a forged reply queue has")
            assert not done
        finally:
            await asyncio.to_thread(alarm.__exit__, None, None, None)
        await until(lambda: done, "the confirm")
        assert await caller.reply() == {}
        assert replies.is_proven(queue)
        await replies.close()
