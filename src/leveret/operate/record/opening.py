"""Opens the database in which it is kept what operators did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from leveret.application import Application
from leveret.operate.record.records import Records
from leveret.settings import Settings
from leveret.sql import Store, create_engine
from leveret.sql.audit_rows import GroupNote
from leveret.sql.schema import Names, Schema, prepare


def records_url(app: Application[Any], settings: Settings) -> str:
    """Return the SQLAlchemy URL of the database: that of the setting, the application's, or an SQLite file."""
    if settings.operations_database_url is not None:
        return settings.operations_database_url
    if app.uses_database(settings):
        return settings.database_url
    return f"sqlite:///{settings.name}-operations.db"


@contextmanager
def open_records(app: Application[Any], settings: Settings) -> Iterator[Records]:
    """Open the records for the time of a block; see `open_store`.

    Raises:
        SettingsError, StorageUnavailable, StorageFailed: as `open_store`.
    """
    with open_store(app, settings) as store:
        yield Records(store)


def noted_groups(app: Application[Any], settings: Settings) -> Mapping[str, GroupNote]:
    """Return what is noted of groups of letters; nothing where there is no file yet, which is not made for that.

    Raises:
        SettingsError, StorageUnavailable, StorageFailed: as `open_store`.
    """
    url = make_url(records_url(app, settings))
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return {}
    with open_records(app, settings) as records:
        return records.notes()


@contextmanager
def open_store(app: Application[Any], settings: Settings) -> Iterator[Store]:
    """Open the database of the records for the time of a block; SQLite gets the tables that it lacks.

    Args:
        app: the application.
        settings: its settings.

    Raises:
        SettingsError: the application's PostgreSQL database does not have this version's tables, or this version cannot
            use the database.
        StorageUnavailable: the database does not answer.
        StorageFailed: it refuses, because the role lacks a right, for example.
    """
    url = records_url(app, settings)
    if settings.operations_database_url is None and app.uses_database(settings):
        app.prepare_database(settings)
    else:
        upgrade = app.shown_command("letters history")
        names = Names(
            application=app.name,
            setting=settings.variable("OPERATIONS_DATABASE_URL"),
            upgrade=upgrade,
            revise=app.shown_command("db revision"),
        )
        prepare(url, Schema(), names, migrate=True)
    engine = create_engine(url, pooler=settings.database_pooler, file="use")
    store = Store(engine)
    try:
        yield store
    finally:
        store.close()
        engine.dispose()
