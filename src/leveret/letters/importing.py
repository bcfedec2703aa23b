"""Putting exported letters into their queue: those that are there already are not put there twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from leveret.broker.connecting import connected
from leveret.errors import LeveretError
from leveret.letters.export_file import read_export
from leveret.letters.index.entries import stored_key
from leveret.letters.index.opening import Source, index_path, letters_in_queue, up_to_date
from leveret.letters.index.schema import IndexTrouble
from leveret.letters.key import letter_key
from leveret.letters.look import MOST_LETTERS, look_undisturbed
from leveret.letters.publishing import publish_letters
from leveret.letters.removal import LetterFate, LetterReport
from leveret.process.file_lock import FileLock
from leveret.topology import Topology

_RUNS: Final = (
    "process {process} imports letters into {queue} at the moment; nothing was imported: do it again when that has "
    "ended"
)


class KnownInQueue(Struct, frozen=True):
    """What is known of the letters in a queue.

    Attributes:
        keys: of those that were found there.
        complete: these are all.
    """

    keys: frozenset[str]
    complete: bool


class ImportRuns(LeveretError):
    """Somebody else imports letters into this queue at the moment; the text says what to do."""


@contextmanager
def importing_turn(source: Source) -> Iterator[None]:
    """Let nobody else of this user import letters into a queue while the block runs.

    Two imports at once would both see that a letter is not in the queue, and both put it there.

    Args:
        source: the broker, and the file of the index, beside which the lock is.

    Raises:
        ImportRuns: somebody does.
        IndexTrouble: the file of the lock cannot be made.
    """
    path = index_path(source)
    lock = FileLock(path.with_name(f"{path.name}.importing"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ours = lock.acquire()
    except OSError as error:
        raise IndexTrouble(f"{error.filename or path.parent}: cannot be written: {error.strerror}") from error
    if not ours:
        raise ImportRuns(_RUNS.format(queue=source.topology.dead_letters, process=lock.holder()))
    try:
        yield
    finally:
        lock.release()


async def known_in_queue(source: Source) -> KnownInQueue:
    """Find out which letters are in the queue: by a look at it, or by the index where it holds too many for a look.

    It waits until nobody else goes through the queue, because a look does not show the letters that others hold.

    Args:
        source: the broker, and the file of the index.

    Raises:
        BrokerTrouble: there is no queue of letters, or no permission, or others hold letters all the time.
        IndexTrouble: the file of the index cannot be used.
    """
    async with connected(source.url) as connection:
        if await letters_in_queue(connection, source.topology) <= MOST_LETTERS:
            found = await look_undisturbed(connection, source.topology)
            if len(found) < MOST_LETTERS:
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
