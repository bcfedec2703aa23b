"""Moves letters to the archive and back for the pages, on record as the command line does it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any

from msgspec import Struct

from leveret.errors import LeveretError, StorageFailed, StorageUnavailable
from leveret.letters.choice import Choice
from leveret.letters.document import secrets_of
from leveret.letters.filters import LetterFilter
from leveret.letters.keeping import LetterKeeper
from leveret.letters.removal import LetterFate, LetterReport
from leveret.operate.archive import Archive, discard, restore
from leveret.operate.archive.finding import find_in_archive
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


async def archived(site: Site, wanted: LetterFilter) -> list[ArchivedLetter]:
    """Return letters of the archive, the one that was discarded last at the beginning.

    Raises:
        LeveretError: the database does not answer, refuses, or lacks this version's tables.
        ValueError: the text of the filter cannot be searched.
    """
    async with _opened(site) as records:
        found = await asyncio.to_thread(find_in_archive, _archive(site, records), wanted, secrets_of(site.app))
    return found[::-1]


async def discard_letters(site: Site, cause: Cause, choice: Choice, about: Mapping[str, Any]) -> ChangedLetters:
    """Move letters of the queue to the archive.

    Args:
        site: what the console knows.
        cause: who, and why.
        choice: which letters.
        about: what the audit says of them.

    Raises:
        LeveretError: the broker or the database does not answer, or refuses; what was done before is done.
    """

    async def change(records: Records, tell: Callable[[LetterFate], None]) -> LetterReport:
        archive = await _current(site, records)
        url, keeper = site.settings.amqp_url, LetterKeeper(secrets_of(site.app))
        return await discard(url, site.topology, choice, archive, keeper, cause=cause, tell=tell)

    return await recorded_change(site, cause, "discard", about, change)


async def restore_letters(site: Site, cause: Cause, wanted: LetterFilter) -> ChangedLetters:
    """Bring letters of the archive back to the queue.

    Raises:
        LeveretError: see ``discard_letters``.
        ValueError: the text of the filter cannot be searched.
    """

    async def change(records: Records, tell: Callable[[LetterFate], None]) -> LetterReport:
        archive = await _current(site, records)
        found = await asyncio.to_thread(find_in_archive, archive, wanted, secrets_of(site.app))
        report = await restore(site.settings.amqp_url, site.topology, found, archive, tell)
        missing = Choice(ids=wanted.ids).missing({name for each in found for name in (each.letter, each.request)})
        return LetterReport(report.done, report.kept, missing, report.complete)

    about = chosen(wanted.ids) if wanted == LetterFilter(ids=wanted.ids) else {"letters": wanted.in_words()}
    return await recorded_change(site, cause, "restore", about, change)


async def recorded_change(
    site: Site,
    cause: Cause,
    what: str,
    about: Mapping[str, Any],
    change: Callable[[Records, Callable[[LetterFate], None]], Awaitable[LetterReport]],
) -> ChangedLetters:
    """Change letters, with an entry in the audit before it and one with the counts behind it.

    Raises:
        LeveretError: the first entry cannot be written, and nothing was changed; or what the change raised, which is
            on record then, if the database still answers.
    """
    fates: list[LetterFate] = []
    async with _opened(site) as records:
        await asyncio.to_thread(records.write, cause, what, about)
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
