"""A store that undoes everything: each of its transactions ends as if it were committed, and is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from leveret.errors import RowRefused
from leveret.sql.connection import Transaction
from leveret.sql.prepared import say
from leveret.sql.shared_connection import SharedConnection
from leveret.sql.store import Store

_DEFERRED: Final = sa.text("SELECT count(*) FROM sqlite_master WHERE sql LIKE '%DEFERRABLE%'")
_CHECKS_KEYS: Final = "leveret checks keys at the end"
"""Key in ``Connection.info``: whether the tables have foreign keys that are checked at the commit."""
_BROKEN: Final = sa.text("PRAGMA foreign_key_check")


class _Undo(Exception):
    """Leaves a transaction that succeeded, so that it is rolled back."""


class RehearsalStore(Store):
    """A store whose transactions do what they say, and leave nothing behind.

    What a commit would check is checked before: constraints that are deferred. What an action could do beside its
    transaction is refused: with the driver's own connection, or with another connection of the engine. PostgreSQL does
    not take back the numbers of a sequence.

    Args:
        engine: where to connect; for this store alone.
    """

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        sa.event.listen(engine, "engine_connect", self._only_ours)

    @contextmanager
    def begin(self, *, writes: bool) -> Iterator[Transaction]:
        """Open a transaction that is rolled back at its end, whatever happens; errors are those of ``Store.begin``.

        Raises:
            RowRefused: a constraint that is checked at the commit would refuse it.
            NotUndone: an action has tried to do something beside its transaction.
        """
        undo = _Undo()
        try:
            with super().begin(writes=writes) as transaction:
                yield transaction
                if writes:
                    self._check_end(transaction.connection)
                raise undo
        except _Undo as end:
            if end is not undo:
                raise

    def _connect(self) -> SharedConnection:
        return SharedConnection(self._engine, undone=True)

    def _check_end(self, connection: SharedConnection) -> None:
        """Check what a commit would check."""
        if connection.dialect.name == "postgresql":
            say(connection, "SET CONSTRAINTS ALL IMMEDIATE")
            return
        known = connection.info
        if _CHECKS_KEYS not in known:
            known[_CHECKS_KEYS] = bool(connection.execute(_DEFERRED).scalar_one())
        if known[_CHECKS_KEYS] and (row := connection.execute(_BROKEN).first()):
            raise RowRefused(f"The database refused the commit: a row of {row[0]} names a row that is not there")

    def _only_ours(self, connection: sa.Connection) -> None:
        """Refuse another connection that an action opens; where none runs, the engine opens what it needs."""
        ours = self._connection
        if ours is not None and ours.lent and not isinstance(connection, SharedConnection):
            ours.refuse_strange("a connection of its own")
