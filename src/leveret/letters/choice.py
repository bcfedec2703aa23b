"""Which letters of the queue a command takes."""

from __future__ import annotations

from msgspec import Struct

from leveret.amqp import Delivery
from leveret.letters.filters import LetterFilter
from leveret.letters.index.entries import stored_key
from leveret.letters.index.opening import Source, up_to_date
from leveret.letters.key import letter_key
from leveret.letters.letter import request_id
from leveret.letters.unmatched import NoSuchLetters, why_none


class Choice(Struct, frozen=True):
    """Letters that are named by ids, or by the keys that an index found; all letters where neither is there.

    Attributes:
        ids: ids of requests, or keys of letters.
        keys: keys of letters, as an index has them.
    """

    ids: tuple[str, ...] | None = None
    keys: frozenset[str] | None = None

    def takes(self, delivery: Delivery) -> bool:
        """Return whether a letter is meant."""
        if self.keys is not None:
            return stored_key(letter_key(delivery)) in self.keys
        return self.ids is None or not self.names(delivery).isdisjoint(self.ids)

    def names(self, delivery: Delivery) -> frozenset[str]:
        """Return by which names a letter may be meant."""
        return frozenset(filter(None, (request_id(delivery), letter_key(delivery))))

    def missing(self, seen: frozenset[str] | set[str]) -> tuple[str, ...]:
        """Return the ids that are not among the names that were seen."""
        return tuple(each for each in dict.fromkeys(self.ids or ()) if each not in seen)


EVERY_LETTER = Choice()
"""All letters that lie in the queue."""


async def choose(source: Source, wanted: LetterFilter) -> Choice:
    """Find out which letters a filter means; only one with more than ids needs the index.

    Args:
        source: the broker, and the file of the index.
        wanted: which letters.

    Raises:
        BrokerTrouble: there is no queue of letters, or no permission.
        IndexTrouble: the file cannot be used.
        ValueError: the text of the filter cannot be searched.
        NoSuchLetters: no letter meets the conditions.
    """
    if wanted.everything:
        return EVERY_LETTER
    if wanted == LetterFilter(ids=wanted.ids):
        return Choice(ids=wanted.ids)
    async with up_to_date(source) as found:
        keys = frozenset(found.index.keys(wanted))
        if not keys and (why := why_none(wanted, found.index)):
            raise NoSuchLetters(why)
    return Choice(keys=keys)
