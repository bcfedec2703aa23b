"""What a worker owes a caller whose action has an effect: one effect and one answer for one id."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from leveret.amqp import Delivery
from leveret.contracts.conformance.checks import ConformanceCheck, compared, skipped
from leveret.contracts.conformance.letters import take_letters
from leveret.contracts.conformance.talk import NO_REPLY, Talk, body_of, usual_properties, verdict_of
from leveret.wire.ids import new_id

_LATE: Final = {"x-deadline": 1}
"""Headers of a request whose deadline has passed long ago."""

_BROKEN: Final = {"no token": "", "a word": "secret", "a token without a signature": "eyJhbGciOiJub25lIn0.e30."}

_SAME_CONTENT: Final = "the data have no $n, so that no other content can be made of them"


async def check_idempotency(talk: Talk) -> list[ConformanceCheck]:
    """One id has one effect and one answer, whatever happens between its attempts."""
    if not talk.worker.writing:
        return [skipped("idempotency", "all", "no action with an effect was named")]
    checks = [*await _again(talk), *await _at_once(talk), *await _late(talk), *await _unanswered(talk)]
    if talk.worker.write("x", 1) == talk.worker.write("x", 2):
        return [*checks, skipped("idempotency", "another content under a known id", _SAME_CONTENT)]
    return [*checks, *await _other_content(talk), *await _foreign(talk)]


async def _again(talk: Talk) -> list[ConformanceCheck]:
    request_id = new_id()
    body = talk.worker.write(request_id, request_id)
    first, second = await talk.ask(body), await talk.ask(body)
    return [
        compared("idempotency", "a request", "accepted", verdict_of(first)),
        compared(
            "idempotency", "the same request again has the same answer, byte for byte", _bytes(first), _bytes(second)
        ),
    ]


async def _at_once(talk: Talk) -> list[ConformanceCheck]:
    request_id = new_id()
    replies = await _together(talk, [talk.worker.write(request_id, request_id)] * 5)
    different = sorted({_bytes(reply) for reply in replies})
    expected = "one answer, a result"
    seen = expected if len(different) == 1 and verdict_of(replies[0]) == "accepted" else different
    return [compared("idempotency", "five requests with one id at once", expected, seen)]


async def _late(talk: Talk) -> list[ConformanceCheck]:
    done, new = new_id(), new_id()
    first = await talk.ask(talk.worker.write(done, done))
    again = await talk.ask(talk.worker.write(done, done), headers=dict(_LATE))
    late = await talk.ask(talk.worker.write(new, new), headers=dict(_LATE))
    in_time = await talk.ask(talk.worker.write(new, new))
    return [
        compared("idempotency", "a late request that was executed before", _bytes(first), _bytes(again)),
        compared("idempotency", "a late request", "refused, deadline_exceeded", verdict_of(late)),
        compared("idempotency", "the same request in time", "accepted", verdict_of(in_time)),
    ]


async def _unanswered(talk: Talk) -> list[ConformanceCheck]:
    """Send a request without reply_to, and ask for its response with a late one: it was executed, so it is stored."""
    request_id = new_id()
    body = talk.worker.write(request_id, request_id)
    await talk.send(body, usual_properties(request_id, reply_to=None))
    end = time.monotonic() + talk.worker.limit
    seen = NO_REPLY
    while seen != "accepted" and time.monotonic() < end:
        seen = verdict_of(await talk.ask(body, headers=dict(_LATE)))
    return [compared("idempotency", "a request without reply_to is executed", "accepted", seen)]


async def _other_content(talk: Talk) -> list[ConformanceCheck]:
    request_id = new_id()
    first = await talk.ask(talk.worker.write(request_id, request_id))
    other = await talk.ask(talk.worker.write(request_id, new_id()))
    again = await talk.ask(talk.worker.write(request_id, request_id))
    return [
        compared("idempotency", "another content under a known id", "refused, id_reused", verdict_of(other)),
        compared("idempotency", "the first content after that", _bytes(first), _bytes(again)),
    ]


async def _foreign(talk: Talk) -> list[ConformanceCheck]:
    """Send a request with a foreign reply_to, and then another content under its id: the id was not used."""
    request_id, queue = new_id(), talk.worker.topology.requests
    foreign = usual_properties(request_id, reply_to=queue)
    await talk.send(talk.worker.write(request_id, request_id), foreign)
    letters = await take_letters(talk.connection, talk.worker, [request_id])
    after = await talk.ask(talk.worker.write(request_id, new_id()))
    return [
        compared("idempotency", "a foreign reply_to becomes a letter", "foreign_reply_to", letters.get(request_id)),
        compared("idempotency", "a request with a foreign reply_to is not executed", "accepted", verdict_of(after)),
    ]


async def check_tokens(talk: Talk) -> list[ConformanceCheck]:
    """An action that demands a token is not executed without a good one; ``Bearer`` may stand before it."""
    worker = talk.worker
    if not worker.writing or not worker.token:
        return [skipped("tokens", "all", "no action with an effect was named, or no token given")]
    checks = []
    token = worker.token.removeprefix("Bearer ")
    for name, auth, expected in (
        *((name, auth, "refused, unauthenticated") for name, auth in _BROKEN.items()),
        ("a token whose last characters are missing", token[:-4], "refused, unauthenticated"),
        ("a token", token, "accepted"),
        ("Bearer and a token", f"Bearer {token}", "accepted"),
        ("bearer in small letters and a token", f"bearer {token}", "accepted"),
    ):
        reply = await talk.ask(worker.write(new_id(), new_id(), auth=auth))
        checks.append(compared("tokens", name, expected, verdict_of(reply)))
    return checks


async def _together(talk: Talk, bodies: Sequence[bytes]) -> list[Delivery | None]:
    ids = [new_id() for _ in bodies]
    waiters = [talk.expect(each) for each in ids]
    for each, body in zip(ids, bodies, strict=True):
        await talk.send(body, usual_properties(each))
    return await talk.gather(waiters)


def _bytes(reply: Delivery | None) -> Any:
    """Return a reply's body, as far as it is a result; otherwise what it says."""
    if reply is None or body_of(reply).get("status") != "ok":
        return verdict_of(reply)
    return reply.body.decode(errors="replace")
