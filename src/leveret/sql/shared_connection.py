"""A database connection whose transaction belongs to the worker: an action uses it, and cannot end it for others.

The requests of a batch share a transaction. One that commits it, rolls it back or closes its connection would do so for
all of them; one that changes the connection would do that for whoever comes next.
"""

from __future__ import annotations

from typing import Any, NoReturn

import sqlalchemy as sa

from leveret.sql.statement_kinds import Leftover


class SharedConnection(sa.Connection):
    """A connection that is lent to actions.

    Args:
        engine: where to connect.

    Attributes:
        lent: an action runs.
        refusal: what an action was told that tried to end the transaction; it fails with that, even if it went on.
        left: what actions have left on the connection since it was cleaned.
    """

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
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
        """Take back what actions have left, when no transaction is open; False when only a new connection can."""
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

    def check(self) -> None:
        """Raise what an action was refused, whatever it has made of it.

        Raises:
            RuntimeError: that.
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
        """Refuse while an action runs; the end of a ``with`` block closes, too."""
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
        """Set options; what an action sets is taken back at its transaction's end."""
        if self.lent:
            if self._options is None:
                self._options = self._execution_options
            self.leave(Leftover.UNTIL_THE_END)
        super().execution_options(**opt)
        return self

    @property
    def connection(self) -> sa.PoolProxiedConnection:
        """The driver's connection; what an action does with it nobody sees, so that no other request meets it."""
        if self.lent:
            self.left = Leftover.SESSION
        return super().connection

    @property
    def info(self) -> dict[Any, Any]:
        """What is kept with the connection, as long as it lives."""
        return super().connection.info

    def _ending(self, _connection: sa.Connection) -> None:
        self._unless_lent("to end the transaction")

    def _unless_lent(self, what: str) -> None:
        if self.lent:
            self.refuse(what)
