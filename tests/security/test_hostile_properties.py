"""Properties and headers as an attacker sets them: one answer or one letter, in nobody else's queue, and no loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from leveret.amqp import Channel, ChannelClosed, Delivery, Message, Properties
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.broker.queues import report_queues
from leveret.topology import Topology
from support.command import Commands, RunningCommand
from support.serving import LIMIT, Caller, calling, into, until

pytestmark = pytest.mark.parametrize("commands", ["sqlite"], indirect=True)

OK, REFUSED, LETTER, CLOSED = "ok", "refused", "letter", "closed by the broker"


def nested(depth: int) -> dict[str, Any]:
    table: dict[str, Any] = {"end": True}
    for _ in range(depth):
        table = {"t": table}
    return table


def headers(expected: str, **values: Any) -> tuple[dict[str, Any], str]:
    return {"headers": {name.replace("_", "-"): value for name, value in values.items()}}, expected


DEATH = {"queue": "@.requests.dlq", "reason": "expired", "count": 9, "exchange": "", "routing-keys": ["@.requests"]}
EVERYWHERE = ["@.requests", "@.requests", "@.requests.dlq", "@.requests.retry", "@.victim", "amq.rabbitmq.reply-to"]
HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "CC to every queue": headers(OK, CC=EVERYWHERE),
    "BCC to every queue": headers(OK, BCC=EVERYWHERE),
    "CC and BCC a thousand times": headers(OK, CC=["@.requests"] * 1000, BCC=["@.victim"] * 1000),
    "CC that is no list": headers(CLOSED, CC="@.victim"),
    "a forged death": headers(REFUSED, x_death=[DEATH]),
    "a death of another type": headers(REFUSED, x_death="expired"),
    "retries behind it": headers(REFUSED, x_retry_count=3),
    "retries below zero": headers(REFUSED, x_retry_count=-1),
    "retries of another type": headers(REFUSED, x_retry_count=[3]),
    "no retries, said aloud": headers(OK, x_retry_count=0),
    "a deadline long past": headers(REFUSED, x_deadline=1),
    "a deadline before time began": headers(REFUSED, x_deadline=-(2**63)),
    "a deadline far away": headers(OK, x_deadline=2**63 - 1),
    "a deadline that is true": headers(REFUSED, x_deadline=True),
    "a deadline in a table": headers(REFUSED, x_deadline={"at": 1}),
    "deliveries without number": headers(OK, x_delivery_count=2**40),
    "another principal": headers(OK, x_principal="1", x_seal="0" * 64),
    "arguments of a queue": headers(OK, x_dead_letter_exchange="", x_dead_letter_routing_key="@.victim"),
    "first and last death": headers(OK, x_first_death_queue="@.victim", x_last_death_reason="rejected"),
    "100 kB of headers": headers(OK, huge="x" * 100_000),
    "a thousand headers": ({"headers": {f"x-{number}": number for number in range(1000)}}, OK),
    "tables in tables": headers(OK, deep=nested(60)),
    "a priority above all others": ({"priority": 255}, REFUSED),
    "a priority just above the usual one": ({"priority": 5}, REFUSED),
    "the usual priority": ({"priority": 4}, OK),
    "the lowest priority": ({"priority": 0}, OK),
    "a long life": ({"expiration": "600000"}, OK),
    "a life that is no number": ({"expiration": "soon"}, CLOSED),
    "not persistent": ({"delivery_mode": 1}, OK),
    "the broker's user": ({"user_id": "guest"}, OK),
    "another user": ({"user_id": "somebody"}, CLOSED),
    "all that nobody reads": ({"app_id": "a", "type": "t", "message_id": "m", "timestamp": 1, "cluster_id": "c"}, OK),
    "another type of content": ({"content_type": "text/html"}, OK),
    "packed content": ({"content_encoding": "gzip"}, REFUSED),
    "back to the requests": ({"reply_to": "@.requests"}, LETTER),
    "into the retries": ({"reply_to": "@.requests.retry"}, LETTER),
    "into the letters": ({"reply_to": "@.requests.dlq"}, LETTER),
    "into a queue of somebody": ({"reply_to": "@.victim"}, LETTER),
    "into the broker's own": ({"reply_to": "amq.rabbitmq.trace"}, LETTER),
    "a URL": ({"reply_to": "amqp://elsewhere/queue"}, LETTER),
}


@dataclass
class Attack:
    """A worker, an attacker with a token, and bystanders that must never get anything."""

    worker: RunningCommand
    caller: Caller
    token: str
    victim: str
    overheard: asyncio.Queue[Delivery] = field(default_factory=asyncio.Queue)

    @property
    def topology(self) -> Topology:
        return self.caller.topology

    def request(self, request_id: str, **data: Any) -> bytes:
        wanted = {"title": f"title of {request_id}"} | data
        document = {"id": request_id, "version": "v1", "action": "create_task", "data": wanted, "auth": self.token}
        return json.dumps(document).encode()

    async def send(self, body: bytes, **properties: Any) -> None:
        """Publish on a channel of its own, which the broker may close; its replies are gathered like all others."""
        channel = await self.caller.connection.channel(confirms=True)
        try:
            await channel.consume(DIRECT_REPLY_TO, into(self.caller.replies), no_ack=True)
            asked = Properties(**{"reply_to": DIRECT_REPLY_TO, **properties})
            message = Message(body, self.topology.requests, self.topology.exchange, asked, mandatory=True)
            await channel.publish(message)
        finally:
            self._open.append(channel)

    _open: list[Channel] = field(default_factory=list)

    async def titles(self) -> list[str]:
        asked = {"version": "v1", "action": "list_tasks", "data": {"limit": 100}, "auth": self.token}
        self._asked += 1
        reply = await self.caller.ask({"id": f"list-{self._asked}", **asked})
        return [task["title"] for task in reply["data"]]

    _asked: int = 0


@asynccontextmanager
async def attack(commands: Commands) -> AsyncIterator[Attack]:
    worker = await asyncio.to_thread(commands.worker)
    token = await asyncio.to_thread(commands.log_in)
    async with calling(commands.settings.amqp_url, commands.topology) as caller:
        victim = f"{commands.topology.prefix}.victim"
        found = Attack(worker, caller, token, victim)
        await caller.channel.declare_queue(victim, exclusive=True, durable=False)
        await caller.channel.consume(victim, into(found.overheard), no_ack=True)
        yield found
        waiting = {
            report.name: report.messages
            for report in await report_queues(commands.settings.amqp_url, commands.topology)
        }
        assert waiting == dict.fromkeys(waiting, 0)
        assert found.overheard.empty()
        assert found.worker.process.poll() is None
        assert "lost the broker" not in found.worker.output
        assert "Traceback" not in found.worker.output


def aimed(value: Any, prefix: str) -> Any:
    """Put the test's own prefix where the tables above say `@`."""
    return json.loads(json.dumps(value).replace("@", prefix))


async def test_every_hostile_property_is_harmless_refused_or_a_dead_letter(commands: Commands) -> None:
    async with attack(commands) as at:
        for number, (properties, expected) in enumerate(HOSTILE.values()):
            name = f"p{number}-"
            asked = at.send(at.request(name), correlation_id=name, **aimed(properties, at.topology.prefix))
            if expected == CLOSED:
                with pytest.raises(ChannelClosed):
                    await asked
            else:
                await asked
        ends = await gather_ends(at, sum(expected != CLOSED for _, expected in HOSTILE.values()))
        titles = await at.titles()
        for number, (name, (_, expected)) in enumerate(HOSTILE.items()):
            request_id = f"p{number}-"
            assert ends.get(request_id, [CLOSED]) == [expected], name
            assert titles.count(f"title of {request_id}") == (expected == OK), name
            lines = [line for line in at.worker.output.splitlines() if f" {request_id} " in line]
            assert len(lines) == (expected != CLOSED), f"{name}: it came {len(lines)} times"


async def gather_ends(at: Attack, count: int) -> dict[str, list[str]]:
    """How each request ended, by its correlation id; there must be no end too many."""
    ends: dict[str, list[str]] = {}
    for _ in range(count):
        ends_of_one = asyncio.create_task(at.caller.replies.get())
        letter: Delivery | None = None
        async with asyncio.timeout(LIMIT):
            while not ends_of_one.done() and letter is None:
                got = await at.caller.channel.get(at.topology.dead_letters, no_ack=True)
                letter = got.delivery if got else None
        if letter is not None:
            ends.setdefault(letter.properties.correlation_id or "", []).append(LETTER)
            if not ends_of_one.cancel():
                at.caller.replies.put_nowait(ends_of_one.result())
            continue
        reply = ends_of_one.result()
        status = json.loads(reply.body)["status"]
        ends.setdefault(reply.properties.correlation_id or "", []).append(OK if status == "ok" else REFUSED)
    assert at.caller.replies.empty()
    return ends


async def test_nothing_of_what_a_caller_put_around_a_request_goes_with_it_into_the_retry_queue(
    commands: Commands,
) -> None:
    commands.variables["RETRY_DELAY"] = "5s"
    async with attack(commands) as at:
        hostile = aimed({"CC": EVERYWHERE, "x-dead-letter-exchange": "", "x-delivery-count": 7, "x-attempts": "x"}, "t")
        body = at.request("again", simulate_temp_error=True)
        await at.send(body, headers=hostile, priority=3, expiration="60000", app_id="a", type="t", message_id="m")
        await until(lambda: "retry #1 for again" in at.worker.output, "the first retry")
        got = await at.caller.channel.get(at.topology.retries[0], no_ack=True)
    assert got is not None
    properties = got.delivery.properties
    found = properties.headers or {}
    assert set(found) - {"x-delivery-count"} == {"x-retry-count", "x-attempts"}
    assert found.get("x-delivery-count", 0) == 0, "not the broker's own"
    attempts: Any = found["x-attempts"]
    assert [attempt["reason"] for attempt in attempts] == ["simulated temporary error"], "not the worker's own"
    assert properties.priority == 3, "its place among others is the caller's to choose, downwards"
    left = (properties.expiration, properties.app_id, properties.type, properties.message_id)
    assert left == (None,) * 4
    assert at.token.encode() not in got.delivery.body


async def test_a_reply_queue_that_leads_back_to_the_requests_makes_one_letter_and_no_loop(commands: Commands) -> None:
    async with attack(commands) as at:
        back: dict[str, Any] = {
            "x-message-ttl": 0,
            "x-dead-letter-exchange": at.topology.exchange,
            "x-dead-letter-routing-key": at.topology.requests,
        }
        queue = await at.caller.channel.declare_queue("", exclusive=True, durable=False, arguments=back)
        await at.send(at.request("boomerang"), reply_to=queue.name)
        (letter,) = await at.caller.letters(1)
        assert json.loads(letter.body)["reason"].startswith("invalid_request: ")
        assert await at.titles() == ["title of boomerang"]
        assert at.worker.output.count("dead-lettered: ") == 1


async def test_who_guesses_the_name_of_anothers_reply_queue_sends_there_nothing_but_his_own_response(
    commands: Commands,
) -> None:
    """The names hold 128 random bits of the broker's; this shows what would follow if one got out."""
    async with attack(commands) as at:
        theirs = await at.caller.channel.declare_queue("", exclusive=True, durable=False)
        got: asyncio.Queue[Delivery] = asyncio.Queue()
        await at.caller.channel.consume(theirs.name, into(got), no_ack=True)
        await at.send(at.request("his-own"), reply_to=theirs.name, correlation_id="an id of theirs")
        reply = json.loads((await asyncio.wait_for(got.get(), LIMIT)).body)
        assert (reply["correlation_id"], reply["data"]["title"]) == ("his-own", "title of his-own")
        assert at.caller.replies.empty()
        assert len({theirs.name, *[await other_name(at) for _ in range(50)]}) == 51


async def other_name(at: Attack) -> str:
    queue = await at.caller.channel.declare_queue("", exclusive=True, durable=False)
    assert len(queue.name) == len("amq.gen-") + 22  # 128 bits in base64
    return queue.name


async def test_a_request_that_expires_while_nobody_works_is_kept_as_it_was_and_copied_nowhere(
    commands: Commands,
) -> None:
    async with attack(commands) as at:
        at.worker.stop()
        forged = aimed({"CC": EVERYWHERE, "x-principal": "1", "x-seal": "0" * 64}, at.topology.prefix)
        await at.send(at.request("late"), headers=forged, expiration="1", correlation_id="late")
        (letter,) = await at.caller.letters(1)
        assert json.loads(letter.body)["id"] == "late"
        deaths: Any = (letter.properties.headers or {})["x-death"]
        assert (deaths[0]["queue"], deaths[0]["reason"]) == (at.topology.requests, "expired")
        at.worker = await asyncio.to_thread(commands.worker)
        assert await at.titles() == []
