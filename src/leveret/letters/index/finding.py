"""Finds letters in the index: makes of a filter one statement that reads as little of the file as it can."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from msgspec import Struct

from leveret.letters.filters import LetterFilter, LetterState
from leveret.letters.index.feeding import STATES
from leveret.letters.index.kinds import KindRow, kinds, wanted_kinds
from leveret.letters.index.records import LetterPage, LetterRow
from leveret.letters.index.words import match

_COLUMNS: Final = "l.id, l.key, l.request, l.principal, l.failed_at, l.size, l.state, l.copies"
_KIND: Final = "k.fingerprint, k.action, k.exception, k.place, k.code, k.version, k.worker_version"

_BY_KEY: Final = "SELECT id FROM letters WHERE key IN (SELECT value FROM json_each(?))"
_BY_REQUEST: Final = "SELECT id FROM letters WHERE request IN (SELECT value FROM json_each(?))"

_TEXT: Final = "words w CROSS JOIN letters l ON l.id = w.rowid"
"""The words first, in their order: SQLite would take the other side first and ask the words about each letter."""


_MOST_MERGED: Final = 500
"""Kinds of which each has its own page, which are put together; of more than that all letters are put in order."""


_MOST_CHOSEN: Final = 50_000
"""Letters of which a list is made before words are searched; where more meet the other conditions, words come first."""


class Query(Struct, frozen=True):
    """A part of a statement, and its values.

    Attributes:
        source: the tables.
        where: the conditions.
        values: of the conditions.
        kinds: the kinds that are asked for, where nothing but the state is asked for beside them.
        count: how many letters it finds, where the counts of the kinds tell.
    """

    source: str
    where: str
    values: tuple[Any, ...]
    kinds: tuple[int, ...]
    count: int | None


def query(connection: sqlite3.Connection, wanted: LetterFilter, now: float) -> Query | None:
    """Make the query for a filter; None where no letter can meet it.

    Raises:
        ValueError: the text of the filter cannot be searched.
    """
    found = wanted_kinds(connection, wanted)
    if found == []:
        return None
    others = [*_named(wanted), *_simple(wanted, now)]
    only_kinds = not others and not wanted.text and wanted.state in (LetterState.PRESENT, LetterState.ANY)
    of_kinds = [f"l.kind IN ({','.join(str(kind.id) for kind in found)})"] if found else []
    of_state = [] if wanted.state is LetterState.ANY else [f"l.state = {STATES.index(wanted.state)}"]
    source = f"letters l{_index(wanted, narrow=bool(found or wanted.older or wanted.newer))}"
    where = " AND ".join([*(condition for condition, _ in others), *of_state, *of_kinds]) or "1"
    values = tuple(value for _, values in others for value in values)
    if wanted.text:
        chosen = _chosen(connection, source, where, values) if others or of_kinds else None
        words = [("w.text MATCH ?", (match(wanted.text),)), *([chosen] if chosen else [])]
        where = " AND ".join([*(condition for condition, _ in words), where])
        source, values = _TEXT, (*(value for _, given in words for value in given), *values)
    return Query(
        source,
        where,
        values,
        tuple(kind.id for kind in found) if found and not others and not wanted.text else (),
        _total(kinds(connection) if found is None else found, wanted.state) if only_kinds else None,
    )


def _chosen(
    connection: sqlite3.Connection, source: str, where: str, values: tuple[Any, ...]
) -> tuple[str, tuple[Any, ...]] | None:
    """Return the condition that a letter is one of those that meet conditions; None where these are too many.

    SQLite makes the list once, and looks for each letter with the words in it, which is several times as fast as to
    look at that letter itself. The sign in front of the number keeps it from asking the words about each letter.
    """
    few = f"SELECT l.id FROM {source} WHERE {where}"  # noqa: S608 - only our own words
    (count,) = connection.execute(f"SELECT count(*) FROM ({few} LIMIT {_MOST_CHOSEN + 1})", values).fetchone()  # noqa: S608 - as above
    return None if count > _MOST_CHOSEN else (f"+w.rowid IN ({few})", values)


def page(connection: sqlite3.Connection, found: Query, limit: int, after: int | None, *, newest: bool) -> LetterPage:
    """Return the letters behind one, in their order, or from the newest to the oldest."""
    number = "w.rowid" if found.source == _TEXT else "l.id"
    order = f"ORDER BY {number} {'DESC' if newest else ''} LIMIT ?"
    behind = "" if after is None else f" AND {number} {'<' if newest else '>'} {int(after)}"
    if 0 < len(found.kinds) <= _MOST_MERGED:
        where = found.where.rpartition("l.kind IN")[0]
        each = f"SELECT l.id FROM letters l INDEXED BY letters_kind WHERE {where} l.kind = ?{behind} {order}"  # noqa: S608 - only our own words
        numbers = [row[0] for kind in found.kinds for row in connection.execute(each, (kind, limit + 1))]
        numbers = sorted(numbers, reverse=newest)[: limit + 1]
    else:
        all_of_it = f"SELECT {number} FROM {found.source} WHERE {found.where}{behind} {order}"  # noqa: S608 - only our own words
        numbers = [row[0] for row in connection.execute(all_of_it, (*found.values, limit + 1))]
    rows = tuple(_rows(connection, numbers[:limit]))
    return LetterPage(rows, numbers[limit - 1] if len(numbers) > limit else None)


def count(connection: sqlite3.Connection, found: Query) -> int:
    """Count the letters."""
    if found.count is not None:
        return found.count
    row = connection.execute(f"SELECT count(*) FROM {found.source} WHERE {found.where}", found.values).fetchone()  # noqa: S608 - only our own words
    return int(row[0])


def keys(connection: sqlite3.Connection, found: Query) -> Iterator[str]:
    """Return the keys of the letters, in the order in which they came."""
    number = "w.rowid" if found.source == _TEXT else "l.id"
    statement = f"SELECT l.key FROM {found.source} WHERE {found.where} ORDER BY {number}"  # noqa: S608 - only our own words
    return (str(key) for (key,) in connection.execute(statement, found.values))


def targets(connection: sqlite3.Connection, found: Query) -> Iterator[tuple[str, str]]:
    """Return the keys of the letters, each with the id of its request, in the order in which they came."""
    number = "w.rowid" if found.source == _TEXT else "l.id"
    statement = f"SELECT l.key, l.request FROM {found.source} WHERE {found.where} ORDER BY {number}"  # noqa: S608 - only our own words
    return ((str(key), str(request)) for key, request in connection.execute(statement, found.values))


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
    if wanted.ids:
        return ""
    if wanted.principal:
        return " INDEXED BY letters_principal"
    if narrow:
        return " INDEXED BY letters_facts"
    return "" if wanted.state is LetterState.ANY else " INDEXED BY letters_state"


def _named(wanted: LetterFilter) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if wanted.ids:
        ids = json.dumps(wanted.ids)
        yield f"l.id IN ({_BY_KEY} UNION ALL {_BY_REQUEST})", (ids, ids)


def _simple(wanted: LetterFilter, now: float) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if wanted.principal:
        yield "l.principal = ?", (wanted.principal,)
    if wanted.older is not None:
        yield "l.failed_at <= ?", (_moment(now, wanted.older),)
    if wanted.newer is not None:
        yield "l.failed_at > ?", (_moment(now, wanted.newer),)


def _total(found: Iterable[KindRow], state: LetterState) -> int:
    return sum(kind.present if state is LetterState.PRESENT else kind.total for kind in found)


def _rows(connection: sqlite3.Connection, numbers: Sequence[int]) -> Iterator[LetterRow]:
    """Read these letters, in the order of the numbers."""
    statement = (
        f"SELECT {_COLUMNS}, {_KIND} FROM json_each(?) f CROSS JOIN letters l ON l.id = f.value"  # noqa: S608 - only our own words
        " CROSS JOIN kinds k ON k.id = l.kind ORDER BY f.key"
    )
    return map(_row, connection.execute(statement, (json.dumps(numbers),)))


def _moment(now: float, ago: timedelta) -> int:
    return max(int((now - ago.total_seconds()) * 1000), -(2**62))


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
