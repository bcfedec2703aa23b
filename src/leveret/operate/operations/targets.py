"""Which letters an operation is about."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice

from msgspec import Struct

from leveret.amqp import Delivery
from leveret.broker.connecting import connected
from leveret.letters.choice import EVERY_LETTER, Choice
from leveret.letters.filters import LetterFilter
from leveret.letters.index.entries import LONGEST_KEY, stored_key
from leveret.letters.index.index import LetterIndex
from leveret.letters.index.opening import Source, letters_in_queue, up_to_date
from leveret.letters.index.reading import Tell
from leveret.letters.key import letter_key
from leveret.letters.letter import request_id
from leveret.letters.unmatched import why_none
from leveret.letters.walk import Keep, walk
from leveret.wire.kept import writable
from leveret.wire.masking import without_tokens


class FoundTargets(Struct, frozen=True):
    """Letters that somebody wants to have sent again.

    Attributes:
        letters: the keys of the letters, each with the id of its request, the oldest first.
        missing: ids of which there is no letter.
        unseen: how many letters of the queue could not be looked through.
        left: how many more there are than may be sent at most.
        streamed: there is a stream of letters.
        none: why no letter meets the conditions; empty if one does, or if only ids or all letters are asked for.
    """

    letters: Sequence[tuple[str, str]]
    missing: tuple[str, ...]
    unseen: int
    left: int
    streamed: bool
    none: str = ""


async def find_targets(source: Source, wanted: LetterFilter, most: int, tell: Tell | None = None) -> FoundTargets:
    """Find the letters that an operation would send, and change nothing.

    They are found in the index. Where it does not know all letters of the queue, because there is no stream or they
    never came there, and nothing but ids or all letters are asked for, the queue itself is gone through.

    Args:
        source: the broker, and the file of the index.
        wanted: which letters.
        most: how many at most, the oldest ones.
        tell: called while the stream is read.

    Raises:
        BrokerTrouble: there is no queue of letters, or no permission.
        IndexTrouble: the file cannot be used.
        ValueError: the text of the filter cannot be searched.
    """
    async with up_to_date(source, tell) as found:
        letters, missing, count = await asyncio.to_thread(_in_index, found.index, wanted, most)
        unseen = max(found.depth - found.present, 0)
        streamed = found.streamed
        none = "" if letters else why_none(wanted, found.index)
    if unseen and wanted == LetterFilter(ids=wanted.ids):
        return await _in_queue(source, wanted, most, streamed=streamed)
    return FoundTargets(letters, missing, unseen, count - len(letters), streamed, none)


async def _in_queue(source: Source, wanted: LetterFilter, most: int, *, streamed: bool) -> FoundTargets:
    """Find letters by going through the queue, which leaves all of them where they are."""
    choice = Choice(ids=wanted.ids) if wanted.ids else EVERY_LETTER
    chosen: dict[str, str] = {}
    names: set[str] = set()
    seen = 0

    def look(delivery: Delivery) -> Keep:
        nonlocal seen
        seen += 1
        if choice.takes(delivery):
            request = writable(without_tokens(request_id(delivery) or ""))[:LONGEST_KEY]
            chosen.setdefault(stored_key(letter_key(delivery)), request)
            names.update(choice.names(delivery))
        return Keep()

    def enough() -> bool:
        return choice.ids is not None and not choice.missing(names)

    async with connected(source.url) as connection:
        depth = await letters_in_queue(connection, source.topology)
        complete = await walk(connection, source.topology, look, lambda _delivery, _decision: None, enough=enough)
    letters = list(islice(chosen.items(), most))
    unseen = 0 if complete else max(depth - seen, 1)
    return FoundTargets(letters, choice.missing(names), unseen, len(chosen) - len(letters), streamed)


def _in_index(
    index: LetterIndex, wanted: LetterFilter, most: int
) -> tuple[list[tuple[str, str]], tuple[str, ...], int]:
    """Return letters, the ids of which there is none, and how many letters there are."""
    if not wanted.ids:
        return list(islice(index.targets(wanted), most)), (), index.count(wanted)
    letters = list(index.targets(wanted))
    names = {name for letter in letters for name in letter}
    return letters[:most], Choice(ids=wanted.ids).missing(names), len(letters)
