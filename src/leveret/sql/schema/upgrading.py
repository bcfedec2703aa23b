"""Brings a database to the tables that this version needs; several processes may do so at the same time."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from leveret.errors import SettingsError
from leveret.sql.engine import create_engine
from leveret.sql.schema import framework
from leveret.sql.schema.application import Names, Schema
from leveret.sql.schema.changing import bring_up
from leveret.sql.schema.folder import read_folder
from leveret.sql.schema.locking import lock, wait_for_others
from leveret.sql.schema.position import Position, look, nowhere
from leveret.sql.store import Store


def prepare(url: str, schema: Schema, names: Names, *, migrate: bool = False) -> None:
    """Bring a database to this version's tables before workers use it: SQLite always, PostgreSQL only when told to.

    Raises:
        SettingsError: this version cannot use the database; or it is PostgreSQL and not current, and ``migrate`` is
            false. Nothing was changed.
        StorageUnavailable: the database does not answer.
        StorageFailed: the database refused a statement; nothing was changed.
    """
    if migrate or sa.make_url(url).get_backend_name() == "sqlite":
        upgrade(url, schema, names)
    elif not is_current(url, schema, names):
        fact = f"{names.setting}: this database does not have this version's tables"
        raise SettingsError([f"{fact}: run `{names.upgrade}`, or start the worker with --migrate"])


def upgrade(url: str, schema: Schema, names: Names) -> bool:
    """Do all that is missing in one transaction; return whether that was anything.

    Raises:
        SettingsError: this version cannot use the database, or the application's migrations; nothing was changed.
        StorageUnavailable: the database does not answer.
        StorageFailed: the database refused a statement; nothing was changed.
    """
    return not position_of(url, schema, names).complete and _bring_up(url, schema, names)


def current(url: str, schema: Schema, names: Names) -> str | None:
    """Return the revision of the database: the application's if it has revisions, otherwise the framework's.

    Returns:
        None where there are no tables yet.

    Raises:
        SettingsError: this version cannot use the database.
        StorageUnavailable: the database does not answer.
    """
    reached, _ = _shown(position_of(url, schema, names))
    return reached


def newest(schema: Schema) -> str:
    """Return the revision that ``current`` returns for a database that is up to date.

    Raises:
        SettingsError: the application's folder of migrations cannot be used.
    """
    head = read_folder(schema.migrations).head if schema.migrations else None
    return head or framework.NEWEST


def is_current(url: str, schema: Schema, names: Names) -> bool:
    """Return whether the database has the tables that this version needs.

    Raises:
        SettingsError: this version cannot use the database.
        StorageUnavailable: the database does not answer.
    """
    return position_of(url, schema, names).usable


def describe(url: str, schema: Schema, names: Names) -> str:
    """Return the database's revision and whether this version needs another one, in words.

    Raises:
        SettingsError: this version cannot use the database.
        StorageUnavailable: the database does not answer.
    """
    position = position_of(url, schema, names)
    reached, needed = _shown(position)
    nothing = "no tables" if position.framework is None else "no revision"
    if position.usable:
        return f"{reached}, which this version needs"
    if reached == needed and position.missing:
        return f"{reached}, and this version needs the table {position.missing[0].fullname} too: {names.upgrade}"
    if reached == needed:
        return f"{reached}, and this version needs newer tables of the framework: {names.upgrade}"
    return f"{reached or nothing}, this version needs {needed}: {names.upgrade}"


def position_of(url: str, schema: Schema, names: Names) -> Position:
    """Find out where a database stands, and change nothing.

    Raises:
        SettingsError: this version cannot use the database.
        StorageUnavailable: the database does not answer.
    """
    engine = create_engine(url, pooler="transaction", file="look")
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return nowhere(schema, names)  # looking must not make the file
    store = Store(engine)
    try:
        with store.begin(writes=False) as transaction:
            return look(transaction.connection, schema, names)
    finally:
        store.close()
        engine.dispose()


def _shown(position: Position) -> tuple[str | None, str]:
    """Return the revision that stands for both parts, and the newest one of the same part."""
    if position.newest is not None:
        return position.application, position.newest
    return position.framework, framework.NEWEST


def _bring_up(url: str, schema: Schema, names: Names) -> bool:
    engine = create_engine(url, pooler="transaction")
    wait_for_others(engine)
    store = Store(engine)
    try:
        with store.begin(writes=True) as transaction:
            lock(transaction.connection)
            position = look(transaction.connection, schema, names)
            if position.complete:
                return False  # another process was first
            bring_up(transaction.connection, schema, names, position)
            return True
    finally:
        store.close()
        engine.dispose()
