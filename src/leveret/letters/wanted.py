"""Finds letters that somebody wants to read: by the index, as copies from the stream; the queue stays as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct

from leveret.amqp import Delivery
from leveret.broker.connecting import connected
from leveret.letters.filters import LetterFilter
from leveret.letters.index.entries import stored_key
from leveret.letters.index.index import LetterIndex
from leveret.letters.index.opening import Source, UpToDate, up_to_date
from leveret.letters.index.reading import Tell, read_messages
from leveret.letters.key import letter_key
from leveret.letters.letter import request_id
from leveret.letters.look import MOST_LETTERS, look_at_messages
from leveret.letters.unmatched import why_none

MOST_WANTED: Final = 100_000
"""Letters that are found by default; all of them are in memory."""


class FoundLetters(Struct, frozen=True):
    """Letters that somebody asked for.

    Attributes:
        letters: the letters, the oldest first.
        missing: ids of which no letter was found.
        unseen: how many letters of the queue could not be looked through.
        left: how many more there are than were asked for at most.
        none: why no letter meets the conditions; empty if one does, or if only ids or all letters are asked for.
    """

    letters: Sequence[Delivery]
    missing: tuple[str, ...] = ()
    unseen: int = 0
    left: int = 0
    none: str = ""


async def find_letters(source: Source, wanted: LetterFilter, most: int, tell: Tell | None = None) -> FoundLetters:
    """Find letters in the index, and read their copies.

    With a stream of letters nothing in the queue changes. Letters that are older than the stream, and all of them where
    there is no stream, are looked at in the queue, where they stay: 2,000 at most.

    Args:
        source: the broker, and the file of the index.
        wanted: which letters.
        most: how many at most, the oldest ones; all of them are in memory.
        tell: called while the stream is read.

    Raises:
        BrokerTrouble: there is no queue of letters, or no permission.
        IndexTrouble: the file cannot be used.
        ValueError: the text of the filter cannot be searched.
    """
    async with up_to_date(source, tell) as found:
        keys, count = await asyncio.to_thread(_keys, found.index, wanted, most)
        copies = await _copies(source, found, frozenset(keys))
        letters = [copies[key] for key in keys if key in copies]
        none = "" if keys else why_none(wanted, found.index)
        unseen = max(found.depth - found.present, 0) + len(keys) - len(letters)
    return FoundLetters(letters, _missing(wanted.ids, letters), unseen, count - len(keys), none)


def _keys(index: LetterIndex, wanted: LetterFilter, most: int) -> tuple[list[str], int]:
    return list(islice(index.keys(wanted), most)), index.count(wanted)


async def _copies(source: Source, found: UpToDate, keys: frozenset[str]) -> Mapping[str, Delivery]:
    """Return letters by their keys in the index."""
    copies: dict[str, Delivery] = {}
    async with connected(source.url) as connection:
        if found.streamed and keys:
            async for messages in read_messages(connection, source.topology.letters_stream):
                _keep(copies, messages, keys)
        if keys - copies.keys():
            _keep(copies, await look_at_messages(connection, source.topology, MOST_LETTERS), keys)
    return copies


def _keep(copies: dict[str, Delivery], messages: Iterable[Delivery], keys: frozenset[str]) -> None:
    for message in messages:
        if (key := stored_key(letter_key(message))) in keys:
            copies[key] = message


def _missing(ids: Sequence[str], letters: Iterable[Delivery]) -> tuple[str, ...]:
    found = {name for letter in letters for name in (request_id(letter), letter_key(letter))} if ids else set()
    return tuple(each for each in ids if each not in found)
