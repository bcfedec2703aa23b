"""Putting exported letters into their queue: those that are there already are not put there twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from leveret.broker.connecting import connected
from leveret.letters.export_file import read_export
from leveret.letters.index.entries import stored_key
from leveret.letters.index.opening import Source, letters_in_queue, up_to_date
from leveret.letters.key import letter_key
from leveret.letters.look import MOST_LETTERS, look_at_messages
from leveret.letters.publishing import publish_letters
from leveret.letters.removal import LetterFate, LetterReport
from leveret.topology import Topology


class KnownInQueue(Struct, frozen=True):
    """What is known of the letters in a queue.

    Attributes:
        keys: of those that were found there.
        complete: these are all.
    """

    keys: frozenset[str]
    complete: bool


async def known_in_queue(source: Source) -> KnownInQueue:
    """Find out which letters are in the queue: by a look at it, or by the index where it holds too many for a look.

    Args:
        source: the broker, and the file of the index.

    Raises:
        BrokerTrouble: there is no queue of letters, or no permission.
        IndexTrouble: the file of the index cannot be used.
    """
    async with connected(source.url) as connection:
        if await letters_in_queue(connection, source.topology) <= MOST_LETTERS:
            found = await look_at_messages(connection, source.topology, MOST_LETTERS)
            return KnownInQueue(frozenset(stored_key(letter_key(each)) for each in found), complete=True)
    async with up_to_date(source) as index:
        return KnownInQueue(frozenset(index.index.keys()), complete=index.streamed and index.present >= index.depth)


async def import_letters(
    url: str, topology: Topology, path: Path, known: frozenset[str], tell: Callable[[LetterFate], None]
) -> LetterReport:
    """Publish the letters of a file into the queue, with a confirm for each; behind all that lie there.

    Args:
        url: the broker.
        topology: names the queue.
        path: the file, which was checked.
        known: keys of letters that are left out, because they are in the queue.
        tell: called for each letter that was published, or refused.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost. What was told before is done.
        ExportTrouble: the file cannot be read, or was changed since it was checked.
    """
    done = kept = 0
    async with connected(url) as connection:
        channel = await connection.channel(confirms=True)
        for part in read_export(path):
            letters = [each for each in part if each.key not in known]
            verdicts = await publish_letters(connection, channel, topology, [each.message for each in letters])
            for letter, verdict in zip(letters, verdicts, strict=True):
                why = f"{verdict}; it stays in the file" if verdict else ""
                tell(LetterFate(letter.request_id, why))
                done, kept = done + (not why), kept + bool(why)
        await channel.close()
    return LetterReport(done, kept, (), complete=True)
