"""Whatever lies in one message, or in what is made of it, costs that message only.

A corpus of hostile messages goes through a real broker to a worker, while an innocent caller's requests go on: no
session ends, each hostile message ends as the pages say, and no innocent request is lost or done twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pika
import pika.exceptions
import pytest

from leveret.amqp import Connection, Delivery, FieldTable
from leveret.broker.queues import report_queues
from leveret.client import Client
from leveret.letters.choice import EVERY_LETTER
from leveret.letters.look import look, wait_until_back
from leveret.letters.removal import discard_letters
from leveret.topology import Topology
from support.bad_requests import GOOD
from support.hostile_messages import CLOSED, Hostile, corpus
from support.serving import Broker, Caller, Serve, calling, into
from support.versions import FORGED_DEATHS_IGNORED, version_of

LIMIT = 60.0
"""Seconds after which a wait has failed."""


class Stranger:
    """Publishes as any client may, on a connection that the broker may close."""

    def __init__(self, url: str, topology: Topology, token: str) -> None:
        self._url = url
        self._topology = topology
        self._token = token
        self._connection: pika.BlockingConnection | None = None
        self._channel: pika.adapters.blocking_connection.BlockingChannel | None = None

    def takes(self, message: Hostile, request_id: str, reply_to: str, **properties: str) -> bool:
        """Publish a message; returns whether the broker confirmed it."""
        if self._channel is None or not self._channel.is_open:
            self.close()
            self._connection = pika.BlockingConnection(pika.URLParameters(self._url))
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
        to = self._topology
        encoded = message.encoded(request_id, reply_to, **properties)
        try:
            self._channel.basic_publish(to.exchange, to.requests, message.request(request_id, self._token), encoded)
        except pika.exceptions.AMQPError:
            self._channel = None
            return False
        return True

    def close(self) -> None:
        if self._connection is not None:
            with suppress(pika.exceptions.AMQPError):
                self._connection.close()


@dataclass
class Ends:
    """What became of the messages of one round, by their ids."""

    caller: Caller
    replies: asyncio.Queue[Delivery]
    sent: dict[str, Hostile]
    found: dict[str, list[str]] = field(default_factory=dict)

    def _add(self, delivery: Delivery, end: str, inner_id: Callable[[object], object]) -> None:
        key = delivery.properties.correlation_id
        if key not in self.sent:
            key = str(inner_id(json.loads(delivery.body)))
        self.found.setdefault(key, []).append(end)

    async def gather(self) -> None:
        """Take all that has come."""
        while not self.replies.empty():
            reply = self.replies.get_nowait()
            end = "ok" if json.loads(reply.body)["status"] == "ok" else "refused"
            self._add(reply, end, lambda body: body["correlation_id"])  # type: ignore[index]  # a reply is an object
        while (got := await self.caller.channel.get(self.caller.topology.dead_letters, no_ack=True)) is not None:
            self._add(got.delivery, "letter", lambda body: body["request"]["id"])  # type: ignore[index]  # a letter is one

    def wrong(self) -> dict[str, tuple[str, ...]]:
        """The messages that did not end as they may, and how they ended."""
        ends = {key: tuple(sorted(self.found.get(key, ()))) for key in self.sent}
        return {f"{key} {self.sent[key].name}": end for key, end in ends.items() if end not in self.sent[key].ends}

    async def all_are_right(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LIMIT):
                while self.wrong():
                    await self.gather()
                    await asyncio.sleep(0.05)
        assert self.wrong() == {}
        assert self.found.keys() <= self.sent.keys()


@dataclass
class Scene:
    """A stranger, and an innocent caller whose requests go on all the time."""

    url: str
    caller: Caller
    stranger: Stranger
    token: str
    replies: asyncio.Queue[Delivery]
    reply_to: str
    full: str
    innocent: int = 0
    count: int = 0

    async def send(self, leave_out: str = "nothing", **properties: str) -> Ends:
        """Send the corpus without those with a word in their name; those that the broker does not take have ended."""
        sent: dict[str, Hostile] = {}
        for message in corpus(self.caller.topology.prefix, self.full):
            if leave_out in message.name:
                continue
            key = f"h{self.count}"
            self.count += 1
            if await asyncio.to_thread(self.stranger.takes, message, key, self.reply_to, **properties):
                sent[key] = message
            else:
                assert CLOSED in message.ends, f"the broker did not take: {message.name}"
        return Ends(self.caller, self.replies, sent)

    @asynccontextmanager
    async def innocent_requests(self) -> AsyncIterator[None]:
        """Have requests go on, one after the other; each is answered, and at least one of them."""
        before, over = self.innocent, asyncio.Event()

        async def go_on(client: Client) -> None:
            while not over.is_set() or self.innocent == before:
                wanted = {"text": f"innocent {self.innocent}"}
                await client.call("write", wanted, token=self.token, timeout=LIMIT)
                self.innocent += 1

        async with Client(self.url, topology=self.caller.topology) as client:
            going = asyncio.create_task(go_on(client))
            try:
                yield
            finally:
                over.set()
                await going

    async def queues_are_empty(self) -> None:
        waiting = {report.name: report.messages for report in await report_queues(self.url, self.caller.topology)}
        assert waiting == dict.fromkeys(waiting, 0)


@pytest.fixture
async def scene(broker: Broker, topology: Topology, token: str) -> AsyncIterator[Scene]:
    stranger = Stranger(broker.url, topology, token)
    async with calling(broker.url, topology) as caller:
        replies: asyncio.Queue[Delivery] = asyncio.Queue()
        own = await caller.channel.declare_queue("", exclusive=True)
        await caller.channel.consume(own.name, into(replies), no_ack=True)
        nothing: FieldTable = {"x-max-length": 0, "x-overflow": "reject-publish"}
        full = await caller.channel.declare_queue("", exclusive=True, arguments=nothing)
        yield Scene(broker.url, caller, stranger, token, replies, own.name, full.name)
        stranger.close()


@pytest.fixture
def no_session_ended(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No session of the worker ends, and no exception is logged."""
    caplog.set_level(logging.INFO, "leveret")
    yield
    lines = [
        record
        for record in caplog.get_records("call")
        if record.exc_info or record.getMessage().startswith("lost the broker")
    ]
    assert [record.getMessage() for record in lines] == []


@pytest.mark.usefixtures("no_session_ended")
async def test_hostile_messages_end_one_by_one_and_others_are_served(serve: Serve, scene: Scene) -> None:
    async with serve(most=1, lanes=2):
        async with scene.innocent_requests():
            ends = await scene.send()
            await ends.all_are_right()
        await scene.queues_are_empty()
        await innocents_are_done_once(scene)


@pytest.mark.usefixtures("no_session_ended")
async def test_hostile_messages_that_were_delivered_before_end_one_by_one_too(serve: Serve, scene: Scene) -> None:
    ends = await scene.send()
    for _ in range(2):
        await deliver(scene.caller, len(ends.sent))
    async with serve(most=1, lanes=2):
        async with scene.innocent_requests():
            await ends.all_are_right()
        await scene.queues_are_empty()
        await innocents_are_done_once(scene)


@pytest.mark.usefixtures("no_session_ended")
async def test_hostile_messages_that_expire_are_letters_that_can_be_shown_and_discarded(scene: Scene) -> None:
    # Before 4.0 such a message ends the node's dead-lettering, which the page on security says.
    forged = version_of(scene.caller.connection) < FORGED_DEATHS_IGNORED
    ends = await scene.send("death" if forged else "nothing", expiration="1")
    connection = await Connection.open(scene.url)
    try:
        await until_letters(scene.caller, len(ends.sent))
        assert len(await look(connection, scene.caller.topology, 2000)) == len(ends.sent)
    finally:
        await connection.close()
    report = await discard_letters(scene.url, scene.caller.topology, EVERY_LETTER, lambda _: None)
    assert (report.done, report.kept, report.complete) == (len(ends.sent), 0, True)
    await scene.queues_are_empty()


async def deliver(caller: Caller, count: int) -> None:
    """Have so many requests delivered to a consumer that goes away."""
    channel = await caller.connection.channel()
    taken: list[Delivery] = []
    complete = asyncio.Event()

    def take(deliveries: list[Delivery]) -> None:
        taken.extend(deliveries)
        if len(taken) >= count:
            complete.set()

    await channel.consume(caller.topology.requests, take)
    await asyncio.wait_for(complete.wait(), LIMIT)
    await channel.close()
    await wait_until_back(caller.connection, caller.topology.requests, count)


async def until_letters(caller: Caller, count: int) -> None:
    async with asyncio.timeout(LIMIT):
        while (await caller.channel.declare_queue(caller.topology.dead_letters, passive=True)).messages != count:  # noqa: ASYNC110 -- the queue is at the broker
            await asyncio.sleep(0.02)


async def innocents_are_done_once(scene: Scene) -> None:
    counted = await scene.caller.ask(GOOD | {"id": "how-many", "auth": scene.token})
    assert counted["data"] == scene.innocent > 0
    assert scene.replies.empty(), "a message was answered twice"
