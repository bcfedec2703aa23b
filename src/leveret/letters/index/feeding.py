"""Writes what the stream of letters says into the index: a batch is one transaction, and so is where to go on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from leveret.letters.filters import LetterState
from leveret.letters.fingerprint import LetterCause
from leveret.letters.index.entries import Entry, Kind, stored_key
from leveret.letters.index.schema import writing

STATES: Final = (
    LetterState.PRESENT,
    LetterState.REDRIVEN,
    LetterState.DISCARDED,
    LetterState.EDITED,
    LetterState.GONE,
)
"""The states in the order of their numbers in the file."""

MOST_KINDS: Final = 5_000
"""Kinds of letters that the index keeps apart, because strangers may write any number of them."""

_ROWS: Final = (1_000, 100, 10, 1)
"""Rows in one statement: few different texts, so that each stays prepared; SQLite takes 32,766 values."""

_PRESENT: Final = 0
_OTHER: Final = Kind(LetterCause("(other)", "", "", "(other)"), "", "")
"""The kind of letters that are of one kind too many."""


class Change(Struct, frozen=True, gc=False):
    """What became of a letter, as a mark of the stream says.

    Attributes:
        key: the letter's key.
        state: what it is now.
    """

    key: str
    state: LetterState


Event: TypeAlias = tuple[int, Entry | Change | None]
"""An offset of the stream, and what stands there; None for what says nothing of a letter."""


def next_offset(connection: sqlite3.Connection) -> int:
    """Return the offset at which reading goes on."""
    row = connection.execute("SELECT value FROM facts WHERE name = 'next'").fetchone()
    return int(row[0]) if row else 0


def feed(connection: sqlite3.Connection, events: Sequence[Event]) -> int:
    """Write events in the order of their offsets; those that another process has written are passed over.

    Returns:
        How many were written.
    """
    if not events:
        return 0
    with writing(connection):
        begin = next_offset(connection)
        fresh = [event for offset, event in events if offset >= begin and event is not None]
        _write(connection, fresh, again=True)
        offset, event = events[-1]
        if offset >= begin:
            facts = (("next", offset + 1), ("last", key_of(event)))
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts)
    return len(fresh)


def last_key(connection: sqlite3.Connection) -> str | None:
    """Return what `key_of` returned of the last message that was read; None where none was."""
    row = connection.execute("SELECT value FROM facts WHERE name = 'last'").fetchone()
    return str(row[0]) if row else None


def key_of(event: Entry | Change | None) -> str:
    """Return what a message of the stream is recognized by."""
    if event is None:
        return ""
    return event.key if isinstance(event, Entry) else f"{event.state} {stored_key(event.key)}"


def adopt(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Write letters that were seen in the queue itself; those that are present already stay as they are."""
    with writing(connection):
        _write(connection, entries, again=False)


def change(connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """Write what became of letters, without the stream."""
    with writing(connection):
        _write(connection, changes, again=False)


class _Known:
    """A letter in the file, or one that the batch adds."""

    __slots__ = ("copies", "entry", "kind", "number", "state")

    def __init__(self, number: int, kind: int, state: int, copies: int, entry: Entry | None = None) -> None:
        self.number = number
        self.kind = kind
        self.state = state
        self.copies = copies
        self.entry = entry


def _write(connection: sqlite3.Connection, events: Sequence[Entry | Change], *, again: bool) -> None:
    kinds = _Kinds(connection, (event.kind for event in events if isinstance(event, Entry)))
    known = _known(connection, events)
    touched: dict[int, _Known] = {}
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM letters").fetchone()
    for event in events:
        if isinstance(event, Entry):
            letter = known.get(event.key)
            if letter is None:
                last += 1
                letter = known[event.key] = _Known(last, kinds.number(event.kind), -1, 0, event)
                kinds.seen(letter.kind, event.failed_at)
            if again or letter.state != _PRESENT:
                letter.copies += 1
            state = _PRESENT
        else:
            letter = known.get(stored_key(event.key))
            if letter is None:
                continue
            state = STATES.index(event.state)
            letter.copies = 0 if state else max(letter.copies, 1)
        kinds.moved(letter.kind, letter.state, state)
        letter.state = state
        touched[letter.number] = letter
    _save(connection, touched.values())
    kinds.save()


def _known(connection: sqlite3.Connection, events: Iterable[Entry | Change]) -> dict[str, _Known]:
    keys = [event.key if isinstance(event, Entry) else stored_key(event.key) for event in events]
    found = connection.execute(
        "SELECT key, id, kind, state, copies FROM letters WHERE key IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(keys).decode(),),
    )
    return {key: _Known(*rest) for key, *rest in found}


def _save(connection: sqlite3.Connection, letters: Iterable[_Known]) -> None:
    letters = list(letters)
    added = [(each, each.entry) for each in letters if each.entry is not None]
    _insert(connection, "letters", [_columns_of(letter, entry) for letter, entry in added])
    _insert(connection, "documents", [(it.number, new.document) for it, new in added])
    _insert(connection, "words (rowid, text)", [(it.number, new.words) for it, new in added])
    connection.executemany(
        "UPDATE letters SET state = ?, copies = ? WHERE id = ?",
        ((it.state, it.copies, it.number) for it in letters if it.entry is None),
    )


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows with as few statements as possible: Python's global lock is free while SQLite runs one.

    ``executemany`` takes the lock for each row, and waits for it while another thread reads what comes next.
    """
    done = 0
    for size in _ROWS:
        while len(rows) - done >= size:
            marks = f"({', '.join('?' * len(rows[0]))})"
            statement = f"INSERT INTO {table} VALUES {', '.join([marks] * size)}"  # noqa: S608 - only our own words
            connection.execute(statement, list(chain.from_iterable(rows[done : done + size])))
            done += size


def _columns_of(letter: _Known, entry: Entry) -> tuple[Any, ...]:
    principal, failed_at, size = entry.principal or None, entry.failed_at, entry.size
    about = (entry.key, entry.request_id, letter.kind, principal, failed_at)
    return (letter.number, *about, letter.state, size, letter.copies)


class _Tally:
    """What a batch changes of a kind."""

    __slots__ = ("first", "last", "present", "total")

    def __init__(self) -> None:
        self.present = 0
        self.total = 0
        self.first = 0
        self.last = 0


class _Kinds:
    """The kinds of a batch, and what it changes of them."""

    def __init__(self, connection: sqlite3.Connection, kinds: Iterable[Kind]) -> None:
        self._connection = connection
        (self._room,) = connection.execute("SELECT ? - count(*) FROM kinds", (MOST_KINDS,)).fetchone()
        self._numbers = {kind: self._find(kind) for kind in set(kinds)}
        self._tallies: dict[int, _Tally] = {}

    def number(self, kind: Kind) -> int:
        """Return the number of a kind of the batch."""
        return self._numbers[kind]

    def seen(self, number: int, failed_at: int) -> None:
        """Count a letter that the index did not know."""
        tally = self._tally(number)
        tally.total += 1
        if failed_at:
            tally.first = min(tally.first or failed_at, failed_at)
            tally.last = max(tally.last, failed_at)

    def moved(self, number: int, before: int, state: int) -> None:
        """Count that a letter has another state now."""
        if before != state:
            self._tally(number).present += (state == _PRESENT) - (before == _PRESENT)

    def save(self) -> None:
        """Write what has changed."""
        self._connection.executemany(
            "UPDATE kinds SET present = present + ?1, total = total + ?2, last_seen = max(last_seen, ?4),"
            " first_seen = CASE WHEN ?3 = 0 THEN first_seen WHEN first_seen = 0 THEN ?3 ELSE min(first_seen, ?3) END"
            " WHERE id = ?5",
            ((each.present, each.total, each.first, each.last, number) for number, each in self._tallies.items()),
        )

    def _tally(self, number: int) -> _Tally:
        tally = self._tallies.get(number)
        if tally is None:
            tally = self._tallies[number] = _Tally()
        return tally

    def _find(self, kind: Kind) -> int:
        """Return the number of a kind; one of too many gets that of a kind of which only the code is known."""
        row = self._look_up(kind)
        if row is None and self._room <= 0 and kind != _OTHER:
            return self._find(_OTHER)
        if row is None:
            self._room -= 1
            row = self._connection.execute(
                "INSERT INTO kinds VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0) RETURNING id",
                (kind.cause.fingerprint, *_columns(kind)),
            ).fetchone()
        return int(row[0])

    def _look_up(self, kind: Kind) -> tuple[int] | None:
        found: tuple[int] | None = self._connection.execute(
            "SELECT id FROM kinds WHERE (action, exception, place, code, version, worker_version) = (?, ?, ?, ?, ?, ?)",
            _columns(kind),
        ).fetchone()
        return found


def _columns(kind: Kind) -> tuple[str, ...]:
    about = kind.cause
    return about.action, about.exception, about.place, about.code, kind.version, kind.worker_version
