"""What the pages read and write of the audit, and of the notes of groups. Its functions wait in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from leveret.errors import LeveretError
from leveret.operate.record import Cause, Records, open_records
from leveret.operate.record.records import GroupState
from leveret.sql.audit_rows import AuditEntry, GroupNote
from leveret.web.console.security.roles import Visitor
from leveret.web.console.site import Site

T = TypeVar("T")


class GroupNotes(Struct, frozen=True):
    """What is noted of groups.

    Attributes:
        by_group: the notes by the fingerprints of their groups.
        trouble: why they cannot be read; empty if they can.
    """

    by_group: Mapping[str, GroupNote]
    trouble: str = ""


def cause_of(visitor: Visitor, why: str = "", incident: str = "") -> Cause:
    """Return who does something in the console, and why."""
    return Cause(by=f"{visitor.name} (console)", why=why, incident=incident)


async def with_records(site: Site, ask: Callable[[Records], T]) -> T:
    """Open the records in a thread, and return what a function makes of them.

    Raises:
        LeveretError: the database does not answer, refuses, or lacks this version's tables.
    """

    def work() -> T:
        with open_records(site.app, site.settings) as records:
            return ask(records)

    return await asyncio.to_thread(work)


async def history(site: Site, most: int, *, incident: str, operation: str, before: str) -> Sequence[AuditEntry]:
    """Return entries of the audit, the newest first.

    Raises:
        LeveretError: see ``with_records``.
    """
    return await with_records(
        site, lambda records: records.history(most, incident=incident, operation=operation, before=before)
    )


async def read_notes(site: Site) -> GroupNotes:
    """Return what is noted of groups; letters can be looked at without them."""
    try:
        return GroupNotes(await with_records(site, lambda records: records.notes()))
    except LeveretError as error:
        return GroupNotes({}, str(error))


async def write_note(site: Site, cause: Cause, group: str, state: GroupState, text: str) -> None:
    """Note something of a group, and put it on record.

    Raises:
        LeveretError: see ``with_records``; nothing is noted.
    """
    await with_records(site, lambda records: records.note(cause, group, state, text))
