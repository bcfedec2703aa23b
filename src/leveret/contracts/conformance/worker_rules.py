"""What a worker owes a caller beside verdicts: replies, reply queues, letters, and a share for everybody."""

from __future__ import annotations

import asyncio
import base64
from typing import Final

from leveret.amqp import AmqpError, Delivery, Unroutable
from leveret.contracts.conformance.checks import ConformanceCheck, compared, judged
from leveret.contracts.conformance.letters import take_letters
from leveret.contracts.conformance.talk import NO_REPLY, Talk, body_of, usual_properties, verdict_of
from leveret.wire.envelope import CONTENT_TYPE
from leveret.wire.ids import new_id
from leveret.wire.limits import LONGEST_ERROR_TEXT
from leveret.wire.messages import any_message

_BURST: Final = 400
"""Requests beside those that workers may hold, in the burst that shows how many they do hold."""

_MOST_BURST: Final = 5000

_FUZZY: Final = 2
"""How many times the prefetch may seem to be held."""

_FIELDS: Final = {"correlation_id", "status", "data", "error"}


async def check_publishing(talk: Talk) -> list[ConformanceCheck]:
    """A request is confirmed and not returned; another routing key leads nowhere."""
    topology = talk.worker.topology
    checks = []
    for name, key, wanted in (
        ("the routing key of requests", topology.requests, "confirmed"),
        ("another routing key", f"{topology.requests}.nobody", "returned"),
    ):
        body, properties = talk.worker.request(new_id()), usual_properties(new_id())
        try:
            await talk.channel.publish(any_message(body, key, topology.exchange, properties))
            seen = "confirmed"
        except Unroutable:
            seen = "returned"
        checks.append(compared("publishing", name, wanted, seen))
    return checks


async def check_replies(talk: Talk) -> list[ConformanceCheck]:
    """A result and an error have the properties and the fields of a reply."""
    request_id = new_id()
    result = await talk.ask(talk.worker.request(request_id))
    error = await talk.ask(talk.worker.request(request_id, action="no_such_action" + "x" * 2000))
    return [
        *_properties("a result", result),
        *_result(result, request_id),
        *_properties("an error", error),
        *_error(error),
    ]


def _properties(what: str, reply: Delivery | None) -> list[ConformanceCheck]:
    if reply is None:
        return [compared("replies", what, "a reply", NO_REPLY)]
    found = reply.properties
    return [
        compared("replies", f"content_type of {what}", CONTENT_TYPE, found.content_type),
        judged(
            "replies",
            f"{what} is not persistent",
            found.delivery_mode != 2,
            "delivery_mode 1 or none",
            found.delivery_mode,
        ),
        compared("replies", f"{what} comes through the default exchange", "", reply.exchange),
    ]


def _result(reply: Delivery | None, request_id: str) -> list[ConformanceCheck]:
    body = body_of(reply)
    return [
        compared("replies", "correlation_id in the body", request_id, body.get("correlation_id")),
        compared("replies", "fields of a result", sorted(_FIELDS), sorted(body)),
        compared("replies", "status and error of a result", ("ok", None), (body.get("status"), body.get("error"))),
    ]


def _error(reply: Delivery | None) -> list[ConformanceCheck]:
    body = body_of(reply)
    text = body.get("error")
    most = LONGEST_ERROR_TEXT + 100
    fields = sorted(body.keys() - {"details"})
    return [
        compared("replies", "fields of an error", sorted({*_FIELDS, "code"}), fields),
        compared("replies", "status and data of an error", ("error", None), (body.get("status"), body.get("data", 0))),
        judged(
            "replies",
            "the text of an error is short",
            isinstance(text, str) and 0 < len(text) <= most,
            f"1 to {most} characters",
            f"{len(text)} characters" if isinstance(text, str) else text,
        ),
    ]


async def check_reply_queues(talk: Talk) -> list[ConformanceCheck]:
    """Replies go to both kinds of reply queue; one that is gone or forged harms nobody else."""
    checks = [await _exclusive(talk), await _silent(talk)]
    forged = base64.b64encode(b"\x83h\x02" + b"\0" * 24).decode()
    for name, reply_to in (
        ("a reply queue that is gone", f"amq.gen-{new_id()}"),
        ("a reply queue that nobody made", f"amq.rabbitmq.reply-to.{forged}.{forged}"),
    ):
        await talk.send(talk.worker.request(new_id()), usual_properties(new_id(), reply_to=reply_to))
        after = verdict_of(await talk.ask(talk.worker.request(new_id())))
        checks.append(compared("reply queues", f"{name} does not keep the next request waiting", "accepted", after))
    return checks


async def _exclusive(talk: Talk) -> ConformanceCheck:
    """Ask with an exclusive queue that the broker has named, as clients of the first version do."""
    channel = await talk.connection.channel()
    queue = await channel.declare_queue("", durable=False, exclusive=True)
    await channel.consume(queue.name, talk.on_replies, no_ack=True)
    reply = await talk.ask(talk.worker.request(new_id()), reply_to=queue.name)
    await channel.close()
    return compared("reply queues", "an exclusive queue with a name from the broker", "accepted", verdict_of(reply))


async def _silent(talk: Talk) -> ConformanceCheck:
    """Send a request without reply_to between two with it: only these two are answered."""
    quiet = new_id()
    await talk.ask(talk.worker.request(new_id()))
    await talk.send(talk.worker.request(quiet), usual_properties(quiet, reply_to=None))
    await talk.ask(talk.worker.request(new_id()))
    seen = [reply.properties.correlation_id for reply in talk.unknown]
    return judged("reply queues", "no reply_to, no reply", quiet not in seen, "no reply", seen or "no reply")


async def check_letters(talk: Talk) -> list[ConformanceCheck]:
    """A request that is refused and has nobody to tell becomes a letter, with the code of the refusal."""
    ids = {name: new_id() for name in ("invalid_request", "unknown_action")}
    worker = talk.worker
    bodies = {"invalid_request": b"{nope", "unknown_action": worker.request(new_id(), action="no_such_action")}
    for code, body in bodies.items():
        await talk.send(body, usual_properties(ids[code], reply_to=None))
    found = await take_letters(talk.connection, worker, list(ids.values()))
    return [
        compared("letters", f"a request without reply_to, refused with {code}", code, found.get(ids[code], "no letter"))
        for code in ids
    ]


async def check_share(talk: Talk) -> list[ConformanceCheck]:
    """A worker holds few requests at a time, so that others get theirs; see prefetch in docs/protocol.md."""
    worker = talk.worker
    state = await talk.channel.declare_queue(worker.topology.requests, passive=True)
    # Replies on their way count as held, and whether a worker has acked them is not seen from outside.
    allowed = _FUZZY * worker.prefetch * max(state.consumers, 1)
    count = min(allowed + _BURST, _MOST_BURST)
    await talk.ask(worker.request(new_id()))  # a worker may be careful with a reply queue that it does not know
    ids = [new_id() for _ in range(count)]
    waiters = [talk.expect(request_id) for request_id in ids]
    topology = worker.topology
    messages = [
        any_message(worker.request(each), topology.requests, topology.exchange, usual_properties(each)) for each in ids
    ]
    sent = talk.channel.publish_batch(messages)
    most = await _most_held(talk, sent, waiters)
    replies = await talk.gather(waiters)
    missing = sum(reply is None for reply in replies)
    return [
        judged("share", "requests that workers hold at once", most <= allowed, f"at most {allowed}", most),
        compared("share", f"replies to a burst of {count} requests", count, count - missing),
    ]


async def _most_held(
    talk: Talk, sent: asyncio.Future[list[AmqpError | None]], waiters: list[asyncio.Future[Delivery]]
) -> int:
    """Return how many of the requests were neither ready nor answered, at most; looked at again and again."""
    most = 0
    errors = await sent
    count = sum(error is None for error in errors)
    end = asyncio.get_running_loop().time() + talk.worker.limit
    while asyncio.get_running_loop().time() < end:
        ready = (await talk.channel.declare_queue(talk.worker.topology.requests, passive=True)).messages
        answered = sum(waiter.done() for waiter in waiters)
        most = max(most, count - ready - answered)
        if answered >= count:
            break
        if ready == 0 and most:
            break
    return most
