"""Whether the database answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from leveret.errors import LeveretError
from leveret.operate.doctor.finding import Finding, Findings, ok, unknown, warning, wrong
from leveret.operate.doctor.installation import Installation
from leveret.sql import Store, create_engine
from leveret.sql.sqlite_file import obstacle

_READ: Final = "SELECT count(*) FROM sqlite_master"
"""A statement that reads the file; ``SELECT 1`` does not."""


def needed(_installation: Installation) -> Findings:
    """Report that no database is needed."""
    return [ok("no action of this application writes, so it needs no database")]


def reachable(installation: Installation) -> Findings:
    """Report whether the database answers."""
    settings, setting = installation.settings, installation.variable("DATABASE_URL")
    if setting in installation.lost:
        return [unknown(f"{setting} cannot be used, so nobody knows which database is meant")]
    if settings.sqlite_file is not None and not settings.sqlite_file.exists():
        return [_no_file(settings.sqlite_file, setting)]
    began = time.perf_counter()
    try:
        with asked(installation) as connection:
            connection.execute(sa.text("SELECT 1" if is_postgresql(installation) else _READ))
    except LeveretError as error:
        return [wrong(str(error), f"Start the database, or correct {setting}: it is {shown(installation)}.")]
    took = (time.perf_counter() - began) * 1000
    return [ok(f"{shown(installation)} answers, in {took:.0f} ms")]


@contextmanager
def asked(installation: Installation) -> Iterator[sa.Connection]:
    """Open a transaction that reads, on a connection as workers have it, for the time of a block.

    Raises:
        StorageUnavailable: the database does not answer.
        StorageFailed: it refused.
    """
    with engine_of(installation) as engine:
        store = Store(engine)
        try:
            with store.begin(writes=False) as transaction:
                yield transaction.connection
        finally:
            store.close()


@contextmanager
def engine_of(installation: Installation) -> Iterator[sa.Engine]:
    """Make an engine as workers have it, that makes no file, for the time of a block."""
    settings = installation.settings
    engine = create_engine(settings.database_url, pooler=settings.database_pooler, file="look")
    try:
        yield engine
    finally:
        engine.dispose()


def shown(installation: Installation) -> str:
    """Return the database's address without a password."""
    return sa.make_url(installation.settings.database_url).render_as_string(hide_password=True)


def is_used(installation: Installation) -> bool:
    """Return whether the application needs a database."""
    return installation.application.uses_database(installation.settings)


def is_unused(installation: Installation) -> bool:
    """Return whether the application needs no database."""
    return not is_used(installation)


def is_postgresql(installation: Installation) -> bool:
    """Return whether a database is needed, and it is PostgreSQL."""
    return is_used(installation) and installation.settings.sqlite_file is None


def _is_sqlite(installation: Installation) -> bool:
    """Return whether a database is needed, and it is an SQLite file."""
    return is_used(installation) and installation.settings.sqlite_file is not None


def is_file(installation: Installation) -> bool:
    """Return whether it is an SQLite file that exists."""
    path = installation.settings.sqlite_file
    return _is_sqlite(installation) and path is not None and path.exists()


def has_tables(installation: Installation) -> bool:
    """Return whether there is a database that may have tables."""
    return is_postgresql(installation) or is_file(installation)


def _no_file(path: Path, setting: str) -> Finding:
    where = path.absolute()
    if hindered := obstacle(where):
        return wrong(f"there is no file {where}, and none can be made: {hindered}", f"Correct {setting}.")
    return warning(
        f"there is no file {where} yet: a worker makes it when it starts",
        f"If there should be one, run this in the workers' folder, or set {setting} to an absolute path.",
    )
