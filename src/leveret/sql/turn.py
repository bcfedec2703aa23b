"""One process at a time, of all that use a database; the turn ends with the process, however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from leveret.process.file_lock import FileLock

RESTORING: Final = 0x6C657665726575
"""Key of PostgreSQL's advisory lock for those who bring letters back; any number that nothing else here uses."""


@contextmanager
def restoring_turn(engine: sa.Engine) -> Iterator[bool]:
    """Yield whether nobody else brings letters back from the archive of this database while the block runs.

    On PostgreSQL it is a lock of one transaction, on a connection of its own, so that it also holds behind a pooler. On
    SQLite it is a lock on a file beside the database, because a transaction there would keep everybody from writing.
    """
    if engine.dialect.name != "postgresql":
        lock = FileLock(Path(f"{engine.url.database}.restoring"))
        try:
            yield lock.acquire()
        finally:
            lock.release()
        return
    with engine.connect() as connection, connection.begin():
        connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield bool(connection.scalar(sa.text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": RESTORING}))
