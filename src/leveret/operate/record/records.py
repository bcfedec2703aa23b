"""Writes and reads what operators did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from leveret.operate.record.cause import LONGEST_WHY, Cause
from leveret.operate.record.entry import entry_of
from leveret.sql import Store
from leveret.sql.audit_rows import (
    AuditEntry,
    GroupNote,
    add_audit,
    read_audit,
    read_notes,
    write_note,
)
from leveret.wire.masking import shown

MOST_ENTRIES: Final = 10_000
"""Entries of the audit that are read at once at most."""


_LONGEST_GROUP: Final = 64
"""Characters of a group's name."""


class GroupState(StrEnum):
    """How far a group of letters has been dealt with."""

    OPEN = "open"
    LOOKED_AT = "looked_at"
    MENDED = "mended"


def names_group(text: str) -> bool:
    """Return whether a text can be the name of a group of letters."""
    return len(text) <= _LONGEST_GROUP and text.isascii() and text.isalnum()


class Records:
    """The audit, and what is noted of groups of letters; for one thread at a time.

    Every method raises StorageUnavailable if the database does not answer, and StorageFailed if it refuses.

    Args:
        store: the database, which has this version's tables.
        clock: the time with its zone.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._clock = clock

    @property
    def store(self) -> Store:
        """The database, for what else belongs there."""
        return self._store

    def write(
        self, cause: Cause, what: str, details: Mapping[str, Any] | None = None, *, operation: str = ""
    ) -> AuditEntry:
        """Add an entry to the audit, committed when this returns.

        Args:
            cause: who, and why.
            what: one word for the change, such as ``discard``.
            details: what else is to be known: counts, ids.
            operation: the id of the operation to which it belongs.
        """
        entry = entry_of(cause, what, details or {}, at=self._clock(), operation=operation)
        with self._store.begin(writes=True) as transaction:
            add_audit(transaction.connection, entry)
        return entry

    def history(
        self, most: int = 50, *, operation: str = "", incident: str = "", before: str = ""
    ) -> Sequence[AuditEntry]:
        """Return the newest entries of the audit, the newest first.

        Args:
            most: how many at most.
            operation: only of this operation.
            incident: only of this incident.
            before: only those that are older than the entry of this id.
        """
        with self._store.begin(writes=False) as transaction:
            return read_audit(transaction.connection, most, operation=operation, incident=incident, before=before)

    def note(self, cause: Cause, fingerprint: str, state: GroupState, text: str) -> GroupNote:
        """Note something of a group in place of what was noted, which stays in the audit."""
        kept = shown(text, LONGEST_WHY)
        entry = entry_of(cause, "note", {"group": fingerprint, "state": state, "note": kept}, at=self._clock())
        note = GroupNote(fingerprint, str(state), kept, entry.by_whom, entry.at)
        with self._store.begin(writes=True) as transaction:
            write_note(transaction.connection, note)
            add_audit(transaction.connection, entry)
        return note

    def notes(self) -> Mapping[str, GroupNote]:
        """Return what is noted of groups, by their fingerprints."""
        with self._store.begin(writes=False) as transaction:
            return {note.fingerprint: note for note in read_notes(transaction.connection)}
