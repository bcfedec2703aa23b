"""Moves letters to the archive and back for the pages, on record as the command line does it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress

from msgspec import Struct

from leveret.errors import LeveretError, StorageFailed, StorageUnavailable
from leveret.letters.choice import Choice
from leveret.letters.document import secrets_of
from leveret.letters.keeping import LetterKeeper
from leveret.letters.removal import LetterFate, LetterReport
from leveret.operate.archive import Archive, discard, restore
from leveret.operate.record import Cause, Records, open_records
from leveret.operate.record.details import chosen, counts
from leveret.process.durations import format_duration
from leveret.sql.archive_rows import ArchivedLetter
from leveret.web.console.site import Site


class ChangedLetters(Struct, frozen=True):
    """What became of letters that were discarded, restored or edited.

    Attributes:
        report: how many.
        fates: each letter.
    """

    report: LetterReport
    fates: Sequence[LetterFate]


async def archived(site: Site, most: int) -> list[ArchivedLetter]:
    """Return letters of the archive, the one that was discarded last at the beginning.

    Raises:
        LeveretError: the database does not answer, refuses, or lacks this version's tables.
    """
    async with _opened(site) as records:
        return await asyncio.to_thread(_archive(site, records).newest, most)


async def discard_chosen(site: Site, cause: Cause, ids: Sequence[str]) -> ChangedLetters:
    """Move letters of the queue to the archive.

    Raises:
        LeveretError: the broker or the database does not answer, or refuses; what was done before is done.
    """

    async def change(records: Records, tell: Callable[[LetterFate], None]) -> LetterReport:
        archive, choice = await _current(site, records), Choice(ids=tuple(ids))
        url, keeper = site.settings.amqp_url, LetterKeeper(secrets_of(site.app))
        return await discard(url, site.topology, choice, archive, keeper, cause=cause, tell=tell)

    return await recorded_change(site, cause, "discard", ids, change)


async def restore_chosen(site: Site, cause: Cause, keys: Sequence[str]) -> ChangedLetters:
    """Bring letters of the archive back to the queue.

    Raises:
        LeveretError: see ``discard_chosen``.
    """

    async def change(records: Records, tell: Callable[[LetterFate], None]) -> LetterReport:
        archive = await _current(site, records)
        found = await asyncio.to_thread(archive.find, list(keys))
        report = await restore(site.settings.amqp_url, site.topology, found, archive, tell)
        missing = Choice(ids=tuple(keys)).missing({name for each in found for name in (each.letter, each.request)})
        return LetterReport(report.done, report.kept, missing, report.complete)

    return await recorded_change(site, cause, "restore", keys, change)


async def recorded_change(
    site: Site,
    cause: Cause,
    what: str,
    ids: Sequence[str],
    change: Callable[[Records, Callable[[LetterFate], None]], Awaitable[LetterReport]],
) -> ChangedLetters:
    """Change letters, with an entry in the audit before it and one with the counts behind it.

    Raises:
        LeveretError: the first entry cannot be written, and nothing was changed; or what the change raised, which is
            on record then, if the database still answers.
    """
    fates: list[LetterFate] = []
    async with _opened(site) as records:
        await asyncio.to_thread(records.write, cause, what, chosen(ids))
        try:
            report = await change(records, fates.append)
        except LeveretError as error:
            with suppress(StorageUnavailable, StorageFailed):
                await asyncio.to_thread(records.write, cause, f"{what}_ended", {"error": str(error)})
            raise
        await asyncio.to_thread(records.write, cause, f"{what}_ended", counts(report))
    return ChangedLetters(report, fates)


async def _current(site: Site, records: Records) -> Archive:
    """Return the archive without what is too old for it; that is on record."""
    archive = _archive(site, records)
    if count := await asyncio.to_thread(archive.forget):
        too_old = Cause(by="console", why=f"older than {format_duration(archive.age)}")
        await asyncio.to_thread(records.write, too_old, "archive_forgotten", {"done": count})
    return archive


def _archive(site: Site, records: Records) -> Archive:
    return Archive(records.store, site.settings.archive_age)


@asynccontextmanager
async def _opened(site: Site) -> AsyncIterator[Records]:
    with ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, open_records(site.app, site.settings))
