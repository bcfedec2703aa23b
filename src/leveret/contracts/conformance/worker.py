"""The run against workers: each rule with a connection of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, TypeAlias

from leveret.amqp import AmqpError, ChannelClosed
from leveret.contracts.conformance.checks import ConformanceCheck
from leveret.contracts.conformance.talk import Talk, WorkersUnderTest, talking, verdict_of
from leveret.contracts.conformance.worker_rules import (
    check_letters,
    check_publishing,
    check_replies,
    check_reply_queues,
    check_share,
)
from leveret.contracts.conformance.worker_vectors import check_ids, check_messages, check_requests
from leveret.contracts.conformance.worker_writes import check_idempotency, check_tokens
from leveret.errors import NoAnswer
from leveret.wire.ids import new_id

Rule: TypeAlias = Callable[[Talk], Awaitable[list[ConformanceCheck]]]

RULES: Final[Mapping[str, Rule]] = {
    "publishing": check_publishing,
    "requests": check_requests,
    "messages": check_messages,
    "ids": check_ids,
    "replies": check_replies,
    "reply queues": check_reply_queues,
    "letters": check_letters,
    "idempotency": check_idempotency,
    "tokens": check_tokens,
    "share": check_share,
}
"""What is checked, in this order; each rule under the name that its checks have."""


async def check_worker(
    worker: WorkersUnderTest, tell: Callable[[ConformanceCheck], None], rules: Collection[str] = tuple(RULES)
) -> list[ConformanceCheck]:
    """ConformanceCheck what workers owe their callers.

    Args:
        worker: the workers under test.
        tell: called with each check as soon as it is made.
        rules: the names of those of `RULES` that are checked.

    Raises:
        AmqpError: the broker cannot be reached.
        NoAnswer: the workers do not answer a request as it should be.
    """
    await _meet(worker)
    checks = []
    for name in rules:
        for check in await _checked(worker, name):
            tell(check)
            checks.append(check)
    return checks


async def _meet(worker: WorkersUnderTest) -> None:
    """Send one request as it should be; without an answer to it, every check would only wait."""
    name = f"{worker.version}.{worker.action}"
    async with talking(worker) as talk:
        await talk.channel.declare_queue(worker.topology.requests, passive=True)
        seen = verdict_of(await talk.ask(worker.request(new_id())))
    if seen != "accepted":
        raise NoAnswer(
            f"the workers of {worker.topology.requests} do not answer {name} with a result: {seen}. Name another "
            "action that anybody may call with --action, and its version with --version"
        )


async def _checked(worker: WorkersUnderTest, name: str) -> list[ConformanceCheck]:
    try:
        async with talking(worker) as talk:
            return await RULES[name](talk)
    except ChannelClosed as error:
        return [
            ConformanceCheck(name, "all", "skip" if error.reply_code == 403 else "fail", seen=str(error))
        ]  # 403: not permitted
    except AmqpError as error:
        return [ConformanceCheck(name, "all", "fail", "the connection and the queues stay usable", str(error))]
