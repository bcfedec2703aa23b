"""A database connection whose transaction belongs to the worker: an action may use it, but not end it.

The requests of a batch share a transaction. An action that commits it, rolls it back or closes its connection would do
so for all of them; an action that changes a setting of the connection would change it for the next one.
"""

from __future__ import annotations

from typing import Any, NoReturn

import sqlalchemy as sa

from leveret.sql.statement_kinds import Leftover


class NotUndone(RuntimeError):
    """An action would do something that nobody could undo; it was kept from that."""


class SharedConnection(sa.Connection):
    """A connection that is lent to actions.

    Args:
        engine: where to connect.
        undone: whatever an action does is undone, so it must not do it where nobody sees it.

    Attributes:
        lent: an action is running.
        refusal: the error of an action that tried to end the transaction; it fails with that even if it caught it.
        left: what actions have left on the connection since it was cleaned.
    """

    def __init__(self, engine: sa.Engine, *, undone: bool = False) -> None:
        super().__init__(engine)
        self._undone = undone
        self.lent = False
        self.refusal: RuntimeError | None = None
        self.left = Leftover.NOTHING
        self._options: Any = None
        sa.event.listen(self, "commit", self._ending)
        sa.event.listen(self, "rollback", self._ending)

    def leave(self, left: Leftover) -> None:
        """Note what a statement leaves."""
        self.left = max(self.left, left)

    def clean(self) -> bool:
        """Undo what actions have left, while no transaction is open; return False when only a new connection helps."""
        if self._options is not None:
            self._execution_options, self._options = self._options, None
        left, self.left = self.left, Leftover.NOTHING
        return self.refusal is None and left is not Leftover.SESSION

    def refuse(self, what: str) -> NoReturn:
        """Refuse to end the transaction.

        Raises:
            RuntimeError: always.
        """
        self.refusal = RuntimeError(
            f"context.connection: {what} is refused, because the worker ends the transaction, which other requests may"
            " share: leave it out"
        )
        raise self.refusal

    def refuse_strange(self, what: str) -> NoReturn:
        """Refuse what an action could do beside its transaction, so that nobody could undo it.

        Raises:
            NotUndone: always.
        """
        self.refusal = NotUndone(f"it uses {what}, and what it does there could not be undone")
        raise self.refusal

    def check(self) -> None:
        """Fail if an action tried to end the transaction, even if it caught the error.

        Raises:
            RuntimeError: the refusal.
        """
        if self.refusal is not None:
            raise self.refusal

    def commit(self) -> None:
        """Refuse while an action runs."""
        self._unless_lent("commit()")
        super().commit()

    def rollback(self) -> None:
        """Refuse while an action runs."""
        self._unless_lent("rollback()")
        super().rollback()

    def close(self) -> None:
        """Refuse while an action runs; the end of a ``with`` block closes too."""
        self._unless_lent("close(), or `with`,")
        super().close()

    def detach(self) -> None:
        """Refuse while an action runs."""
        self._unless_lent("detach()")
        super().detach()

    def invalidate(self, exception: BaseException | None = None) -> None:
        """Refuse while an action runs, unless the connection is broken."""
        if exception is None:
            self._unless_lent("invalidate()")
        super().invalidate(exception)

    def execution_options(self, **opt: Any) -> SharedConnection:
        """Set options; those that an action sets are undone at the end of its transaction."""
        if self.lent:
            if self._options is None:
                self._options = self._execution_options
            self.leave(Leftover.UNTIL_THE_END)
        super().execution_options(**opt)
        return self

    @property
    def connection(self) -> sa.PoolProxiedConnection:
        """The driver's connection; nobody sees what an action does with it, so no other request gets it afterwards."""
        if self.lent:
            if self._undone:
                self.refuse_strange("the driver's own connection")
            self.left = Leftover.SESSION
        return super().connection

    @property
    def info(self) -> dict[Any, Any]:
        """Data of the connection, for as long as it lives."""
        return super().connection.info

    def _ending(self, _connection: sa.Connection) -> None:
        self._unless_lent("to end the transaction")

    def _unless_lent(self, what: str) -> None:
        if self.lent:
            self.refuse(what)
