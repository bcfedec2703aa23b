"""The file of the index: its tables, its version, and how it is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

VERSION: Final = 3
"""The version of the tables; a file with another one is made anew."""

_OURS: Final = 0x6C657674
"""SQLite's application_id of an index, so that no other database is taken for one."""

_BUSY: Final = 30.0
"""Seconds to wait for another process that writes."""

_PRAGMAS: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536;
PRAGMA temp_store = MEMORY;
PRAGMA wal_autocheckpoint = 8192;
PRAGMA trusted_schema = OFF;
"""
"""A crash of the machine may break the file, which is made anew then; a crash of the process never does."""

_PAGE: Final = 8192
"""Bytes of a page of the file: a letter takes about 700, and fewer pages are written than of the usual 4096."""

_TABLES: Final = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE kinds (
    id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, action TEXT NOT NULL, exception TEXT NOT NULL,
    place TEXT NOT NULL, code TEXT NOT NULL, version TEXT NOT NULL, worker_version TEXT NOT NULL,
    present INTEGER NOT NULL, total INTEGER NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    UNIQUE (action, exception, place, code, version, worker_version)
);
CREATE TABLE letters (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, request TEXT NOT NULL, kind INTEGER NOT NULL, principal TEXT,
    failed_at INTEGER NOT NULL, state INTEGER NOT NULL, size INTEGER NOT NULL, copies INTEGER NOT NULL
);
CREATE UNIQUE INDEX letters_key ON letters (key);
CREATE INDEX letters_request ON letters (request);
CREATE INDEX letters_state ON letters (state);
CREATE INDEX letters_kind ON letters (kind, state);
CREATE INDEX letters_facts ON letters (state, kind, failed_at);
CREATE INDEX letters_principal ON letters (principal, state, kind, failed_at) WHERE principal IS NOT NULL;
CREATE TABLE documents (id INTEGER PRIMARY KEY, document TEXT NOT NULL);
CREATE VIRTUAL TABLE words USING fts5(text, content='', columnsize=0);
INSERT INTO words (words, rank) VALUES ('hashsize', {16 * 1024 * 1024});
INSERT INTO words (words, rank) VALUES ('automerge', 8);
PRAGMA user_version = {VERSION};
"""  # noqa: S608 - our own numbers
"""The words of a batch are put in order in memory, and written as one part; parts are merged when there are 8."""


class IndexTrouble(Exception):
    """The file of the index cannot be used; the text says why and what to do."""


def open_file(path: Path, facts: Mapping[str, str]) -> sqlite3.Connection:
    """Open the file of an index; make it, readable for its owner only, if it is not there or is of no use.

    Args:
        path: of the file; its folder is made, too.
        facts: what the file belongs to. A file of which one of these differs is made anew.

    Raises:
        IndexTrouble: there is something else, or it may not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as error:
        raise IndexTrouble(f"{path}: the index cannot be written: {error.strerror}; name another file") from error
    if not _is_ours(path):
        raise IndexTrouble(f"{path} is not an index of dead letters, and stays as it is; name another file")
    connection = _connected(path)
    try:
        if not _is_usable(connection, facts):
            rebuild(connection, facts)
    except sqlite3.DatabaseError as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise IndexTrouble(f"{path}: the index cannot be used: {error}") from error
        return _made_anew(path, facts)  # it is broken
    return connection


@contextmanager
def telling_trouble(path: Path) -> Iterator[None]:
    """Tell during the block what is wrong with the file of an index that is open, and remove one that is broken.

    Raises:
        IndexTrouble: SQLite cannot use the file.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise IndexTrouble(f"{path}: the index cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        try:
            _remove(path)
        except OSError:
            raise IndexTrouble(f"{path}: the index is broken: {error}; remove this file and do it again") from error
        text = f"{path}: the index was broken, and was removed: {error}; do it again, and it is made anew"
        raise IndexTrouble(text) from error


def rebuild(connection: sqlite3.Connection, facts: Mapping[str, str]) -> None:
    """Drop everything that is in the file, and make its tables; another process that has it open goes on with it."""
    with writing(connection):
        ours = "type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'words_%'"
        names = connection.execute(f"SELECT name FROM sqlite_master WHERE {ours}").fetchall()  # noqa: S608 - our own words
        for (name,) in names:
            connection.execute(f'DROP TABLE "{name}"')
        for statement in _statements(_TABLES):
            connection.execute(statement)
        connection.executemany("INSERT INTO facts VALUES (?, ?)", [*facts.items(), ("next", 0)])


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Write in one transaction; two processes write one after the other."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # some errors have ended it, such as that of a full disk
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _connected(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        if not path.stat().st_size:
            connection.execute(f"PRAGMA page_size = {_PAGE}")
            connection.execute(f"PRAGMA application_id = {_OURS}")  # before WAL, so that it stands in this file at once
    except sqlite3.Error as error:
        raise IndexTrouble(f"{path}: the index cannot be opened: {error}; name another file") from error
    return connection


def _is_usable(connection: sqlite3.Connection, facts: Mapping[str, str]) -> bool:
    for pragma in _statements(_PRAGMAS):
        connection.execute(pragma)
    if connection.execute("PRAGMA user_version").fetchone() != (VERSION,):
        return False
    found = dict(connection.execute("SELECT name, value FROM facts"))
    return found.items() >= facts.items()


def _is_ours(path: Path) -> bool:
    """Tell whether a file is empty or an index, by its header (SQLite, "Database File Format", section 1.3)."""
    with path.open("rb") as file:
        header = file.read(72)
    return not header or header[68:] == _OURS.to_bytes(4, "big")


def _made_anew(path: Path, facts: Mapping[str, str]) -> sqlite3.Connection:
    _remove(path)
    path.touch(mode=0o600)
    connection = _connected(path)
    _is_usable(connection, facts)
    rebuild(connection, facts)
    return connection


def _remove(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _statements(text: str) -> list[str]:
    return [statement for part in text.split(";") if (statement := part.strip())]
