"""Moves letters from their queue into the archive, and back. At every moment a letter is in one of them, or in both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from leveret.amqp import AmqpError, AnyChannel, AnyConnection, Delivery, Refused, Unroutable
from leveret.broker.connecting import connected
from leveret.letters.choice import Choice
from leveret.letters.index.entries import stored_key
from leveret.letters.keeping import KeptLetter, LetterKeeper
from leveret.letters.key import letter_key
from leveret.letters.look import MOST_LETTERS, look_undisturbed
from leveret.letters.publishing import publish_letters
from leveret.letters.removal import LetterFate, LetterReport, archive_letters
from leveret.operate.archive.archive import HERE, Archive, LetterPlace
from leveret.operate.record import Cause
from leveret.sql.archive_rows import ArchivedLetter
from leveret.topology import Topology

_THERE: Final = "it is in the queue already, because a discard or a restore was interrupted; it is not sent twice"
_UNKNOWN: Final = (
    f"a discard or a restore of it was interrupted, and the queue holds more than the {MOST_LETTERS:,} letters that "
    "can be looked at, so nobody knows whether it is among them; make the queue shorter, then restore it"
)
_MOVED: Final = (
    "somebody else has brought it back meanwhile, or discards it again; nothing was sent: look at the archive again"
)
_UNSURE: Final = frozenset({LetterPlace.LEAVING, LetterPlace.RETURNING})

Tell = Callable[[LetterFate], None]


async def discard(
    url: str, topology: Topology, choice: Choice, archive: Archive, keeper: LetterKeeper, *, cause: Cause, tell: Tell
) -> LetterReport:
    """Move letters from their queue into the archive.

    A letter's row is committed before the letter is acked. Until the queue surely has the ack, the row says that the
    letter is leaving; so a crash leaves a letter in both places, and both discard and restore can go on from there.

    Args:
        url: the broker.
        topology: names the queue.
        choice: which letters.
        archive: takes them.
        keeper: makes what is kept of a letter.
        cause: who, and why.
        tell: called for each letter, as soon as it is done.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost. What was told before is done.
        StorageUnavailable, StorageFailed: the rows cannot be written; those letters are in the queue.
    """
    written: list[str] = []

    async def store(letters: Sequence[KeptLetter]) -> None:
        await asyncio.to_thread(archive.put, cause, letters)
        written.extend(each.key for each in letters)

    report = await archive_letters(url, topology, choice, tell, keeper=keeper, store=store)
    await asyncio.to_thread(archive.settle, written, LetterPlace.ARCHIVED, was=[LetterPlace.LEAVING])
    return report


async def restore(
    url: str, topology: Topology, letters: Sequence[ArchivedLetter], archive: Archive, tell: Tell
) -> LetterReport:
    """Bring letters of the archive back to their queue, with a confirm for each; behind all that lie there.

    One restore runs at a time, until its process ends. So whoever sees a letter that is being brought back, while it is
    its own turn, sees what another process has left when it died, and goes on from there.

    Args:
        url: the broker.
        topology: names the queue.
        letters: which ones.
        archive: has them.
        tell: called for each letter, as soon as it is done.

    Raises:
        RestoreRuns: somebody else restores letters at the moment; nothing was done.
        BrokerTrouble: there is no such queue, no permission, others hold letters all the time, or the connection was
            lost. What was told before is done.
        StorageUnavailable, StorageFailed: the rows cannot be read or written.
        NotPortable: a row was changed by somebody else.
    """
    with archive.restoring():
        return await _restore(url, topology, letters, archive, tell)


async def _restore(
    url: str, topology: Topology, letters: Sequence[ArchivedLetter], archive: Archive, tell: Tell
) -> LetterReport:
    done = kept = 0
    async with connected(url) as connection:
        there, complete = await _in_queue(connection, topology, letters)
        back = await asyncio.to_thread(_keys_when_back, archive, letters)
        surely: list[ArchivedLetter] = []
        for letter in letters:
            if letter.state in _UNSURE and (letter.letter in there or back[letter.letter] in there):
                await asyncio.to_thread(archive.settle, [letter.letter], LetterPlace.RESTORED, was=_UNSURE)
                tell(LetterFate(letter.request, _THERE))
                kept += 1
            elif letter.state in _UNSURE and not complete:
                tell(LetterFate(letter.request, _UNKNOWN))
                kept += 1
            else:
                surely.append(letter)
        channel = await connection.channel(confirms=True)
        for part in archive.messages(surely):
            for letter, why in await _send(connection, channel, topology, archive, part):
                tell(LetterFate(letter.request, why))
                done, kept = done + (not why), kept + bool(why)
        await channel.close()
    return LetterReport(done, kept, (), complete=True)


def _keys_when_back(archive: Archive, letters: Iterable[ArchivedLetter]) -> Mapping[str, str]:
    """Return the keys that letters have in the queue after a restore: others than before, where a secret was taken out.

    Only of those that may be there.
    """
    unsure = [letter for letter in letters if letter.state in _UNSURE]
    keys = {letter.letter: letter.letter for letter in unsure}
    for part in archive.messages([letter for letter in unsure if not letter.whole]):
        keys |= {letter.letter: stored_key(letter_key(message)) for letter, message in part}
    return keys


async def _in_queue(
    connection: AnyConnection, topology: Topology, letters: Iterable[ArchivedLetter]
) -> tuple[frozenset[str], bool]:
    """Return the keys of letters in the queue, and whether these are all; looks only if a letter may be there."""
    if not any(letter.state in _UNSURE for letter in letters):
        return frozenset(), True
    found = await look_undisturbed(connection, topology)
    return frozenset(stored_key(letter_key(each)) for each in found), len(found) < MOST_LETTERS


async def _send(
    connection: AnyConnection,
    channel: AnyChannel,
    topology: Topology,
    archive: Archive,
    part: Sequence[tuple[ArchivedLetter, Delivery]],
) -> list[tuple[ArchivedLetter, str]]:
    """Publish letters, and write where they are, before and behind it; returns why each stays, or an empty text."""
    ours = await asyncio.to_thread(_claim, archive, [letter for letter, _ in part])
    mine = [(letter, message) for letter, message in part if letter.letter in ours]
    others = [(letter, _MOVED) for letter, _ in part if letter.letter not in ours]
    verdicts = await publish_letters(connection, channel, topology, [message for _, message in mine])
    fates = [(letter, _why(verdict)) for (letter, _), verdict in zip(mine, verdicts, strict=True)]
    for place in (LetterPlace.ARCHIVED, LetterPlace.RESTORED):
        keys = [letter.letter for letter, why in fates if bool(why) is (place is LetterPlace.ARCHIVED)]
        await asyncio.to_thread(archive.settle, keys, place, was=[LetterPlace.RETURNING])
    return fates + others


def _claim(archive: Archive, letters: Sequence[ArchivedLetter]) -> frozenset[str]:
    """Write that letters are being brought back, and return the keys of those that are still where they were seen."""
    ours: set[str] = set()
    for place in HERE:
        keys = [letter.letter for letter in letters if letter.state == place]
        ours |= archive.settle(keys, LetterPlace.RETURNING, was=[place])
    return frozenset(ours)


def _why(verdict: AmqpError | None) -> str:
    return f"{verdict}; it stays in the archive" if isinstance(verdict, Refused | Unroutable) else ""
