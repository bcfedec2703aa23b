"""Reads and writes the archive of discarded letters, within the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from leveret.sql.operation_tables import leveret_archive

_ROW: Final = leveret_archive.c
_AT_ONCE: Final = 500
"""Keys in one statement."""


class ArchivedLetter(Struct, frozen=True, kw_only=True):
    """A discarded letter, without the message.

    Attributes:
        letter: the letter's key, as the index has it.
        request: the id of its request; empty where it has none.
        action: what was asked for, such as ``v1.create_task``; empty where nobody can tell.
        state: ``leaving`` until it is certain that the queue does not have it any more, then ``archived``;
            ``returning`` while it is brought back, then ``restored``.
        whole: the message is here as it was; false where a secret was taken out of it.
        at: when it was discarded.
        by_whom: who did it.
        why: the reason; may be empty.
        incident: the name of the incident; may be empty.
        size: bytes of the message's body.
    """

    letter: str
    request: str
    action: str
    state: str
    whole: bool
    at: datetime
    by_whom: str
    why: str
    incident: str
    size: int


class ArchivedMessage(Struct, frozen=True):
    """The message of a discarded letter.

    Attributes:
        letter: the letter's key.
        properties_json: its properties as JSON, see `leveret.letters.portable`.
        body: its body.
    """

    letter: str
    properties_json: str
    body: bytes


_COLUMNS: Final = tuple(_ROW[name] for name in ArchivedLetter.__struct_fields__)


def put_archived(connection: sa.Connection, rows: Sequence[tuple[ArchivedLetter, ArchivedMessage]]) -> None:
    """Write letters into the archive, in place of rows with the same keys."""
    if not rows:
        return
    kept = {letter.letter: (letter, message) for letter, message in rows}  # copies of one letter are one row
    for keys in _parts(kept):
        connection.execute(leveret_archive.delete().where(_ROW.letter.in_(keys)))
    connection.execute(
        leveret_archive.insert(),
        [
            {
                **{name: getattr(letter, name) for name in ArchivedLetter.__struct_fields__},
                "properties_json": message.properties_json,
                "body": message.body,
            }
            for letter, message in kept.values()
        ],
    )


def set_archived(
    connection: sa.Connection, keys: Collection[str], state: str, *, was: Collection[str] = ()
) -> frozenset[str]:
    """Write the state of letters in the archive, and return the keys of those that were in it.

    Args:
        connection: the database.
        keys: of the letters.
        state: the new state.
        was: only those that are in one of these states now; empty for all.
    """
    changed: set[str] = set()
    for part in _parts(keys):
        wanted = sa.select(_ROW.letter).where(_ROW.letter.in_(part)).with_for_update()
        found = connection.scalars(wanted.where(_ROW.state.in_(list(was))) if was else wanted).all()
        connection.execute(leveret_archive.update().where(_ROW.letter.in_(found)).values(state=state))
        changed.update(found)
    return frozenset(changed)


def find_archived(
    connection: sa.Connection, *, names: Sequence[str] = (), states: Collection[str] = (), most: int | None = None
) -> list[ArchivedLetter]:
    """Return letters of the archive, the one that was discarded first at the beginning.

    Args:
        connection: the database.
        names: keys of letters, or ids of requests; empty for all.
        states: those that are wanted; empty for all.
        most: how many at most.
    """
    wanted = sa.select(*_COLUMNS).order_by(_ROW.at, _ROW.letter).limit(most)
    if states:
        wanted = wanted.where(_ROW.state.in_(list(states)))
    if not names:
        return [ArchivedLetter(**row._mapping) for row in connection.execute(wanted)]
    found: dict[str, ArchivedLetter] = {}
    for part in _parts(names):
        named = wanted.where(sa.or_(_ROW.letter.in_(part), _ROW.request.in_(part)))
        found |= {row.letter: ArchivedLetter(**row._mapping) for row in connection.execute(named)}
    return sorted(found.values(), key=lambda each: (each.at, each.letter))[:most]


def archived_messages(connection: sa.Connection, keys: Collection[str]) -> dict[str, ArchivedMessage]:
    """Return messages of the archive by the keys of their letters."""
    found: dict[str, ArchivedMessage] = {}
    for part in _parts(keys):
        wanted = sa.select(_ROW.letter, _ROW.properties_json, _ROW.body).where(_ROW.letter.in_(part))
        found |= {row[0]: ArchivedMessage(row[0], row[1], bytes(row[2])) for row in connection.execute(wanted)}
    return found


def forget_archived(connection: sa.Connection, before: datetime) -> int:
    """Remove what was discarded before a moment, and return how many letters that were."""
    return connection.execute(leveret_archive.delete().where(_ROW.at < before)).rowcount


def _parts(keys: Collection[str]) -> Iterator[list[str]]:
    every = list(keys)
    for begin in range(0, len(every), _AT_ONCE):
        yield every[begin : begin + _AT_ONCE]
