"""What can be checked of the vectors from outside of a worker."""

from __future__ import annotations

import time
from collections.abc import Sequence

from leveret.amqp import Delivery, Properties
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.contracts.conformance.checks import ConformanceCheck, compared
from leveret.contracts.conformance.letters import take_letters
from leveret.contracts.conformance.messages import filled
from leveret.contracts.conformance.talk import Talk, usual_properties, verdict_of
from leveret.contracts.conformance.vectors import (
    ExpectedVerdict,
    IdVectors,
    MessageVector,
    MessageVectors,
    RequestVectors,
    read_vectors,
)
from leveret.wire.ids import new_id


async def check_requests(talk: Talk) -> list[ConformanceCheck]:
    """Send the body of each vector; a worker takes it, or answers with the code."""
    vectors = read_vectors(RequestVectors).vectors
    bodies = [_called(talk, vector.input.body.bytes()) for vector in vectors]
    replies = await _replies(talk, [(body, usual_properties(new_id())) for body in bodies])
    return [
        compared("requests", vector.name, _words(vector.expected), verdict_of(reply))
        for vector, reply in zip(vectors, replies, strict=True)
    ]


async def check_ids(talk: Talk) -> list[ConformanceCheck]:
    """Send a request with each id; a worker takes it, or answers ``invalid_request``."""
    vectors = read_vectors(IdVectors).vectors
    bodies = [talk.worker.request(vector.input.id) for vector in vectors]
    replies = await _replies(talk, [(body, usual_properties(new_id())) for body in bodies])
    return [
        compared(
            "ids", vector.name, "accepted" if vector.expected.valid else "refused, invalid_request", verdict_of(reply)
        )
        for vector, reply in zip(vectors, replies, strict=True)
    ]


async def check_messages(talk: Talk) -> list[ConformanceCheck]:
    """Send a message with each vector's properties; a worker takes it, answers with the code, or makes a letter."""
    vectors = [vector for vector in read_vectors(MessageVectors).vectors if vector.outside]
    answered = [vector for vector in vectors if vector.expected.verdict != "letter"]
    kept = [vector for vector in vectors if vector.expected.verdict == "letter"]
    checks = [check for vector in answered for check in await _answered(talk, vector)]
    return [*checks, *await _kept(talk, kept)]


async def _answered(talk: Talk, vector: MessageVector) -> list[ConformanceCheck]:
    request_id, words = new_id(), {"$asked": new_id(), "$other": f"other {new_id()}"}
    properties = _filled(vector, words)
    replied = properties.correlation_id or request_id
    waiter = talk.expect(replied)
    await talk.send(talk.worker.request(request_id), properties)
    (reply,) = await talk.gather([waiter])
    return [compared("messages", vector.name, _words(vector.expected), verdict_of(reply))]


async def _kept(talk: Talk, vectors: Sequence[MessageVector]) -> list[ConformanceCheck]:
    """Send what has to become a letter, and look for the letters."""
    ids = [new_id() for _ in vectors]
    for request_id, vector in zip(ids, vectors, strict=True):
        await talk.send(talk.worker.request(request_id), _filled(vector, {"$asked": request_id}))
    found = await take_letters(talk.connection, talk.worker, ids)
    return [
        compared(
            "messages",
            vector.name,
            _words(vector.expected),
            f"letter, {found[request_id]}" if request_id in found else "no letter",
        )
        for request_id, vector in zip(ids, vectors, strict=True)
    ]


async def _replies(talk: Talk, messages: Sequence[tuple[bytes, Properties]]) -> list[Delivery | None]:
    """Send messages, and return the reply to each."""
    waiters = [talk.expect(str(properties.correlation_id)) for _, properties in messages]
    for body, properties in messages:
        await talk.send(body, properties)
    return await talk.gather(waiters)


def _filled(vector: MessageVector, words: dict[str, str]) -> Properties:
    now = int(time.time() * 1000)
    return filled(vector.input.properties, {"$now": now, "$reply": DIRECT_REPLY_TO, **words})


def _called(talk: Talk, body: bytes) -> bytes:
    """Return a vector's body with the action of these workers in the place of ``v1.health_check``."""
    worker = talk.worker
    named = body.replace(b'"health_check"', f'"{worker.action}"'.encode())
    return named.replace(b'"v1"', f'"{worker.version}"'.encode())


def _words(expected: ExpectedVerdict) -> str:
    return f"{expected.verdict}, {expected.code}" if expected.code else expected.verdict
