"""Adds to the audit and reads it, and what is noted of groups of letters, within the caller's transaction."""

from __future__ import annotations

import secrets
import time
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from leveret.sql.operation_tables import leveret_audit, leveret_groups


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One change that somebody made.

    Attributes:
        id: names the entry; ids sort by time.
        at: when.
        by_whom: who.
        what: ``redrive``, ``discard``, ``note`` and so on, perhaps with the step of it.
        why: the reason; may be empty.
        incident: the name of the incident; may be empty.
        operation: the id of the operation; may be empty.
        details_json: what else is to be known, as JSON.
    """

    id: str
    at: datetime
    by_whom: str
    what: str
    why: str = ""
    incident: str = ""
    operation: str = ""
    details_json: str = "{}"


class GroupNote(Struct, frozen=True):
    """What somebody noted of a group of letters.

    Attributes:
        fingerprint: names the group.
        state: ``open``, ``looked_at`` or ``mended``.
        note: a text; may be empty.
        by_whom: who wrote it.
        at: when.
    """

    fingerprint: str
    state: str
    note: str
    by_whom: str
    at: datetime


def new_audit_id() -> str:
    """Return an id that sorts behind those that were made before, as far as clocks agree."""
    return f"{time.time_ns():019d}-{secrets.token_hex(5)}"


def add_audit(connection: sa.Connection, entry: AuditEntry) -> None:
    """Add an entry; the database refuses to change or remove it afterwards."""
    connection.execute(leveret_audit.insert().values({name: getattr(entry, name) for name in entry.__struct_fields__}))


def read_audit(
    connection: sa.Connection, most: int, *, operation: str = "", incident: str = "", before: str = ""
) -> list[AuditEntry]:
    """Return entries, the newest first.

    Args:
        connection: the database.
        most: how many at most.
        operation: only of this operation.
        incident: only of this incident.
        before: only those that are older than the entry of this id.
    """
    wanted = sa.select(leveret_audit).order_by(leveret_audit.c.id.desc()).limit(most)
    if operation:
        wanted = wanted.where(leveret_audit.c.operation == operation)
    if incident:
        wanted = wanted.where(leveret_audit.c.incident == incident)
    if before:
        wanted = wanted.where(leveret_audit.c.id < before)
    return [AuditEntry(**row._mapping) for row in connection.execute(wanted)]


def write_note(connection: sa.Connection, note: GroupNote) -> None:
    """Write what is noted of a group, in place of what was."""
    connection.execute(leveret_groups.delete().where(leveret_groups.c.fingerprint == note.fingerprint))
    connection.execute(leveret_groups.insert().values({name: getattr(note, name) for name in note.__struct_fields__}))


def read_notes(connection: sa.Connection) -> list[GroupNote]:
    """Return what is noted of groups."""
    found = connection.execute(sa.select(leveret_groups).order_by(leveret_groups.c.fingerprint))
    return [GroupNote(*(row._mapping[name] for name in GroupNote.__struct_fields__)) for row in found]
