"""Finds the letters that are to be tried."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from leveret.amqp import Delivery
from leveret.broker.connecting import connected
from leveret.letters.letter import request_id
from leveret.letters.look import MOST_LETTERS, look_at_messages
from leveret.topology import Topology


class FoundLetters(Struct, frozen=True):
    """Letters that somebody asked for.

    Attributes:
        letters: the letters, the oldest first.
        missing: ids of which no letter was seen.
        complete: every letter of the queue was seen.
    """

    letters: Sequence[Delivery]
    missing: tuple[str, ...]
    complete: bool


async def find_letters(url: str, topology: Topology, ids: Collection[str] | None) -> FoundLetters:
    """Look at the letters in the queue, which stay where they are, and return those that were asked for.

    Args:
        url: the broker.
        topology: names the queue.
        ids: the requests' ids, or None for all.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost.
    """
    async with connected(url) as connection:
        seen = await look_at_messages(connection, topology, MOST_LETTERS)
    complete = len(seen) < MOST_LETTERS
    if ids is None:
        return FoundLetters(seen, (), complete)
    wanted, by_id = frozenset(ids), [(request_id(letter), letter) for letter in seen]
    found = {each for each, _ in by_id}
    missing = tuple(each for each in dict.fromkeys(ids) if each not in found)
    return FoundLetters([letter for each, letter in by_id if each in wanted], missing, complete)
