"""The dead letters that a run makes: they are looked at, and taken out of their queue again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from leveret.amqp import Connection, Delivery
from leveret.contracts.conformance.talk import WorkersUnderTest
from leveret.letters.key import letter_key
from leveret.letters.marking import mark
from leveret.letters.walk import Decision, Drop, Keep, walk
from leveret.wire.kept import iso_time
from leveret.wire.letter import decode_letter
from leveret.wire.marks import LetterMark

_PAUSE: Final = 0.05
"""Seconds between two looks at the queue."""


async def take_letters(connection: Connection, worker: WorkersUnderTest, ids: Collection[str]) -> dict[str, str]:
    """Take the letters of some requests out of the queue, and return the code of each; all others stay.

    Args:
        connection: to the broker.
        worker: where the queue is, and how long to wait for letters.
        ids: the requests' correlation_ids.

    Raises:
        ChannelClosed: there is no such queue, or this user may not read it.
        AmqpError: the connection was lost.
    """
    found: dict[str, str] = {}
    taken: list[LetterMark] = []

    def decide(letter: Delivery) -> Decision:
        return Drop() if letter.properties.correlation_id in ids else Keep()

    def tell(letter: Delivery, decision: Decision) -> None:
        if isinstance(decision, Drop):
            found[letter.properties.correlation_id or ""] = _code(letter)
            taken.append(LetterMark(letter_key(letter), "discarded", iso_time(datetime.now(UTC))))

    end = asyncio.get_running_loop().time() + worker.limit
    while not found.keys() >= set(ids):
        await walk(connection, worker.topology, decide, tell)
        if asyncio.get_running_loop().time() > end:
            break
        await asyncio.sleep(_PAUSE)
    await mark(connection, worker.topology, taken)
    return found


def _code(letter: Delivery) -> str:
    try:
        return str(decode_letter(letter.body).code)
    except ValueError as error:
        return f"not a letter: {error}"
