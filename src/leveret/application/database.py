"""The database of a worker: the one that the settings name, or none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from leveret.api import Action
from leveret.errors import SettingsError, StorageUnavailable
from leveret.settings import Settings
from leveret.sql import create_engine
from leveret.sql.engine import create_memory_engine
from leveret.sql.schema import Schema, make_all


def needs_database(actions: Iterable[Action], settings: Settings) -> bool:
    """Return whether something has to outlive a worker: a response, or how many requests a user has sent."""
    kept = settings.replay_all or settings.rate_limit is not None
    return kept or any(action.writes or action.secret or action.rate_limit is not None for action in actions)


def build_engine(settings: Settings) -> sa.Engine:
    """Make the engine of the database that the settings name; it does not connect yet."""
    return create_engine(settings.database_url, pooler=settings.database_pooler, file="use")


@contextmanager
def open_engine(
    settings: Settings, *, needed: bool, version: tuple[int, ...] = sqlite3.sqlite_version_info
) -> Iterator[sa.Engine]:
    """Open the database of a worker, and close its connections when the block ends.

    Where none is needed, it is SQLite in memory, which ends with the worker: what the framework notes about a request
    that was delivered before is then forgotten when its worker dies.

    Args:
        settings: the settings; the database that they name has to be prepared already.
        needed: whether that database is used.
        version: SQLite's.

    Raises:
        SettingsError: none is needed, and this Python's SQLite is too old for a database in memory.
    """
    engine = build_engine(settings) if needed else _memory_engine(settings, version)
    try:
        if needed:
            yield engine
        else:
            with engine.connect() as first:  # it exists as long as it has a connection
                with first.begin():
                    make_all(first, Schema(), settings.name)
                yield engine
    finally:
        engine.dispose()


def _memory_engine(settings: Settings, version: tuple[int, ...]) -> sa.Engine:
    try:
        return create_memory_engine(version=version)
    except StorageUnavailable as error:
        file = f"sqlite:///{settings.name}.db"
        raise SettingsError([f"{settings.variable('DATABASE_URL')}: needed, such as {file}. {error}"]) from error
