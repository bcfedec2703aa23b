"""The kinds of letters in the index: what many letters have in common, with their counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from msgspec import Struct

from leveret.letters.filters import LetterFilter
from leveret.letters.fingerprint import without_line


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


def kinds(connection: sqlite3.Connection) -> list[KindRow]:
    """Return all kinds of letters."""
    return [KindRow(*row) for row in connection.execute("SELECT * FROM kinds")]


def wanted_kinds(connection: sqlite3.Connection, wanted: LetterFilter) -> list[KindRow] | None:
    """Return the kinds that meet a filter; None where it does not ask about kinds."""
    conditions = list(_about_kinds(wanted))
    if not conditions:
        return None
    return [kind for kind in kinds(connection) if all(condition(kind) for condition in conditions)]


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
