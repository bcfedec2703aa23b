"""How much a transaction has written so far, including the rows and events that it keeps back."""

from __future__ import annotations

import sqlalchemy as sa

from leveret.api import KeptEvent
from leveret.sql.event_rows import KEEPER, EventRows
from leveret.sql.gathering import GatheredRows
from leveret.sql.prepared import COUNTER
from leveret.sql.shared_connection import SharedConnection
from leveret.sql.statement_kinds import kind_of


class WriteCounter:
    """Counts the statements of one connection after which its transaction is not as it was before.

    These are all statements but reads that succeeded: after a failed statement PostgreSQL refuses everything in a
    transaction, reads too. The rows that a transaction keeps back are added before any other statement. SQLAlchemy
    tells of its own statements, and ``Prepared`` of the others.

    Args:
        connection: the one that is watched.

    Attributes:
        statements: how many did not only read, for certain.
        changes: how many wrote, for certain.
        gathering: the rows that the transaction keeps back.
    """

    def __init__(self, connection: SharedConnection) -> None:
        self.statements = 0
        self.changes = 0
        self.gathering: GatheredRows | None = None
        self._connection = connection
        self._events = EventRows(connection)
        connection.info[COUNTER] = connection.info[KEEPER] = self
        sa.event.listen(connection, "before_cursor_execute", self._before_own)
        sa.event.listen(connection, "after_cursor_execute", self._after_own)

    def before(self) -> None:
        """Count a statement, and add first what is kept back."""
        if self.gathering is not None:
            self.flush()
        self.statements += 1

    def after(self, text: str) -> None:
        """Forget a statement that only read, and note what another one has left on the connection."""
        kind = kind_of(text)
        if kind.reads:
            self.statements -= 1
        elif kind.writes:
            self.changes += 1
        if kind.left:
            self._connection.leave(kind.left)

    def _before_own(self, connection: SharedConnection, _cursor: object, statement: str, *_others: object) -> None:
        kind = kind_of(statement)
        if kind.ends:
            connection.refuse(f"the statement {statement.strip()[:40]!r}")
        if not (kind.reads or kind.writes):
            self._before_savepoint(statement)
        self.before()

    def _before_savepoint(self, statement: str) -> None:
        """Add the events from before a savepoint; forget those that were kept since, when it is rolled back to."""
        word = statement.lstrip()[:9].upper()
        if word == "SAVEPOINT":
            self._events.flush()
        elif word.startswith("ROLLBACK"):
            self._events.drop()

    def _after_own(self, _connection: object, _cursor: object, statement: str, *_others: object) -> None:
        self.after(statement)

    def gather(self, expected: int) -> None:
        """Keep rows back and add them together, until the transaction's end; see ``GatheredRows``."""
        self.gathering = GatheredRows(self._connection, expected, self._count_gathered)

    def keep_event(self, event: KeptEvent) -> None:
        """Keep an event until ``finish``, and count it for the request whose it is."""
        self._events.keep(event)
        self._count_gathered()

    def finish(self) -> None:
        """Add everything that is kept back, because the commit follows."""
        self.flush()
        self._events.flush()

    def _count_gathered(self) -> None:
        self.statements += 1
        self.changes += 1

    def flush(self) -> None:
        """Add what is kept back; that was counted when it was kept, for the request whose it is."""
        if self.gathering is not None:
            before = self.statements, self.changes
            self.gathering.flush()
            self.statements, self.changes = before

    def end(self) -> None:
        """Keep nothing back any more: the transaction is at its end."""
        self._events.drop()
        gathering, self.gathering = self.gathering, None
        if gathering is not None:
            gathering.end()
