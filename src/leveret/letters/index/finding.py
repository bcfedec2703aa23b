"""Finds letters in the index: makes of a filter one statement that reads as little of the file as it can."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

from msgspec import Struct

from leveret.letters.filters import LetterFilter, LetterState
from leveret.letters.fingerprint import without_line
from leveret.letters.index.feeding import STATES
from leveret.letters.index.records import LetterPage, LetterRow
from leveret.letters.index.words import match

_COLUMNS: Final = "l.id, l.key, l.request, l.principal, l.failed_at, l.size, l.state, l.copies"
_KIND: Final = "k.fingerprint, k.action, k.exception, k.place, k.code, k.version, k.worker_version"

_TEXT: Final = "words w CROSS JOIN letters l ON l.id = w.rowid"
"""The words first, in their order: SQLite would take the other side first and ask the words about each letter."""


class KindRow(Struct, frozen=True):
    """A row of the table of kinds; times in POSIX milliseconds."""

    id: int
    fingerprint: str
    action: str
    exception: str
    place: str
    code: str
    version: str
    worker_version: str
    present: int
    total: int
    first_seen: int
    last_seen: int


class Query(Struct, frozen=True):
    """A part of a statement, and its values.

    Attributes:
        source: the tables.
        where: the conditions.
        values: of the conditions.
    """

    source: str
    where: str
    values: tuple[Any, ...]


def kinds(connection: sqlite3.Connection) -> list[KindRow]:
    """Return all kinds of letters."""
    return [KindRow(*row) for row in connection.execute("SELECT * FROM kinds")]


def query(connection: sqlite3.Connection, wanted: LetterFilter, now: float) -> Query | None:
    """Make the query for a filter; None where no letter can meet it.

    Raises:
        ValueError: the text of the filter cannot be searched.
    """
    conditions, values = [], []
    source = "letters l"
    if wanted.text:
        source = _TEXT
        conditions.append("w.text MATCH ?")
        values.append(match(wanted.text))
    if wanted.ids:
        ids = json.dumps(wanted.ids)
        conditions.append(
            "l.id IN (SELECT id FROM letters WHERE key IN (SELECT value FROM json_each(?))"
            " UNION ALL SELECT id FROM letters WHERE request IN (SELECT value FROM json_each(?)))"
        )
        values += [ids, ids]
    numbers = _numbers(connection, wanted)
    if numbers == []:
        return None
    narrow = bool(numbers or wanted.older or wanted.newer)
    if source == "letters l" and not wanted.ids:
        source += _index(wanted, narrow=narrow)
    for condition, value in _simple(wanted, now):
        conditions.append(condition)
        values.append(value)
    if numbers:
        conditions.append(f"l.kind IN ({','.join(map(str, numbers))})")
    return Query(source, " AND ".join(conditions) or "1", tuple(values))


def page(connection: sqlite3.Connection, found: Query, limit: int, after: int | None, *, newest: bool) -> LetterPage:
    """Return the letters behind one, in their order, or from the newest to the oldest."""
    number = "w.rowid" if found.source == _TEXT else "l.id"
    where, values = found.where, found.values
    if after is not None:
        where, values = f"{where} AND {number} {'<' if newest else '>'} ?", (*values, after)
    inner = (
        f"SELECT {number} AS id FROM {found.source} WHERE {where} ORDER BY {number} {'DESC' if newest else ''} LIMIT ?"  # noqa: S608 - only our own words
    )
    rows = connection.execute(
        f"SELECT {_COLUMNS}, {_KIND} FROM ({inner}) AS f JOIN letters l ON l.id = f.id JOIN kinds k ON k.id = l.kind"  # noqa: S608
        f" ORDER BY l.id {'DESC' if newest else ''}",
        (*values, limit + 1),
    ).fetchall()
    return LetterPage(tuple(map(_row, rows[:limit])), rows[limit - 1][0] if len(rows) > limit else None)


def count(connection: sqlite3.Connection, found: Query) -> int:
    """Count the letters."""
    row = connection.execute(f"SELECT count(*) FROM {found.source} WHERE {found.where}", found.values).fetchone()  # noqa: S608 - only our own words
    return int(row[0])


def keys(connection: sqlite3.Connection, found: Query) -> Iterator[str]:
    """Return the keys of the letters, in the order in which they came."""
    number = "w.rowid" if found.source == _TEXT else "l.id"
    statement = f"SELECT l.key FROM {found.source} WHERE {found.where} ORDER BY {number}"  # noqa: S608 - only our own words
    return (str(key) for (key,) in connection.execute(statement, found.values))


def read(connection: sqlite3.Connection, key: str) -> LetterRow | None:
    """Return a letter with everything that is shown of it; None where there is no letter with this key."""
    row = connection.execute(
        f"SELECT {_COLUMNS}, {_KIND}, d.document FROM letters l JOIN kinds k ON k.id = l.kind"  # noqa: S608 - only our own words
        " JOIN documents d ON d.id = l.id WHERE l.key = ?",
        (key,),
    ).fetchone()
    return _row(row) if row else None


def _index(wanted: LetterFilter, *, narrow: bool) -> str:
    """Choose the index that holds everything that the conditions ask for."""
    if wanted.principal:
        return " INDEXED BY letters_principal"
    if narrow:
        return " INDEXED BY letters_facts"
    return "" if wanted.state is LetterState.ANY else " INDEXED BY letters_state"


def _simple(wanted: LetterFilter, now: float) -> Iterator[tuple[str, Any]]:
    if wanted.state is not LetterState.ANY:
        yield "l.state = ?", STATES.index(wanted.state)
    if wanted.principal:
        yield "l.principal = ?", wanted.principal
    if wanted.older is not None:
        yield "l.failed_at <= ?", _moment(now, wanted.older)
    if wanted.newer is not None:
        yield "l.failed_at > ?", _moment(now, wanted.newer)


def _moment(now: float, ago: timedelta) -> int:
    return max(int((now - ago.total_seconds()) * 1000), -(2**62))


def _numbers(connection: sqlite3.Connection, wanted: LetterFilter) -> list[int] | None:
    """Return the kinds that meet a filter; None where it does not ask about kinds."""
    conditions = list(_about_kinds(wanted))
    if not conditions:
        return None
    return [kind.id for kind in kinds(connection) if all(condition(kind) for condition in conditions)]


def _about_kinds(wanted: LetterFilter) -> Iterator[Callable[[KindRow], bool]]:
    if wanted.action:
        yield lambda kind: wanted.action in (kind.action, kind.action.removeprefix(f"{kind.version}."))
    if wanted.version:
        yield lambda kind: kind.version == wanted.version
    if wanted.worker_version:
        yield lambda kind: kind.worker_version == wanted.worker_version
    if wanted.code:
        yield lambda kind: kind.code == wanted.code
    if wanted.exception:
        yield lambda kind: wanted.exception.lower() in kind.exception.lower()
    if wanted.place:
        place = without_line(wanted.place).lower()
        yield lambda kind: place in kind.place.lower()
    if wanted.group:
        yield lambda kind: kind.fingerprint.startswith(wanted.group.lower())


def _row(row: tuple[Any, ...]) -> LetterRow:
    number, key, request, principal, failed_at, size, state, copies, *kind, document = (*row, None)[:16]
    fingerprint, action, exception, place, code, version, worker_version = kind
    return LetterRow(
        number=number,
        key=key,
        request_id=request,
        action=action,
        version=version,
        worker_version=worker_version,
        code=code,
        exception=exception,
        place=place,
        principal=principal or "",
        failed_at=failed_at / 1000,
        size=size,
        group=fingerprint,
        state=STATES[state],
        copies=copies,
        document=None if document is None else json.loads(document),
    )
