"""The crash journal: what may have killed a worker is on record while it runs, or while it is read.

It is about requests and messages that were delivered before. A row is committed before a worker runs such a request or
reads such a message, and the row is removed when that has ended. So an attempt that is on record without an end is the
death of a worker. An attempt that ended with an outage or with the loss of the broker is voided, because no worker has
died.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from leveret.inbox.outages import judged
from leveret.sql import journal_rows
from leveret.sql.connection import Transaction
from leveret.sql.records import RequestKey
from leveret.sql.store import Store

logger: Final = logging.getLogger("leveret.worker")

MOST_DEATHS: Final = 3
"""Deaths of workers on one request before it is given up."""

TRIES: Final = 2
"""Number of tries to remove an entry: the connection of the first one may have ended before."""


class Journal:
    """The verbs of the crash journal, and the attempts that are still to be voided.

    All lanes of a worker share one journal. Each verb that needs the database gets the store of the lane in whose
    thread it is called.
    """

    def __init__(self) -> None:
        self._to_void: deque[RequestKey] = deque()

    def deaths(self, store: Store, keys: Sequence[RequestKey]) -> Mapping[RequestKey, int]:
        """Look up how many attempts of each key have no end; a key that is not on record is left out.

        Raises:
            StorageUnavailable: the database does not answer.
        """

        def look() -> Mapping[RequestKey, int]:
            with store.begin(writes=False) as transaction:
                return journal_rows.read(transaction.connection, keys)

        return judged(store, look)

    def begin(self, store: Store, keys: Sequence[RequestKey]) -> Mapping[RequestKey, int]:
        """Put an attempt of each key on record; returns how many deaths there were before. All are recorded, or none.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        with store.begin(writes=True) as transaction:
            attempts = journal_rows.add_attempts(transaction.connection, keys)
        return {key: count - 1 for key, count in attempts.items()}

    def end(self, store: Store, keys: Sequence[RequestKey]) -> None:
        """Remove all that is on record of each key: its attempt has come to an end.

        Never raises: where that fails the attempts are voided later.
        """
        for left in reversed(range(TRIES)):
            try:
                with store.begin(writes=True) as transaction:
                    journal_rows.remove(transaction.connection, keys)
            except Exception as error:
                if not left:
                    logger.info("crash journal not cleared: %s", error)
                    self.void(keys)
            else:
                return

    def void(self, keys: Iterable[RequestKey]) -> None:
        """Have the last attempt of each key taken off the record: no worker has died. ``catch_up`` does it."""
        self._to_void.extend(keys)

    def catch_up(self, store: Store) -> None:
        """Void what is still to be voided; what cannot be voided now stays to be voided later.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        keys = self._take()
        if not keys:
            return
        try:
            with store.begin(writes=True) as transaction:
                journal_rows.take_attempts(transaction.connection, keys)
        except BaseException:
            self.void(keys)
            raise

    def _take(self) -> list[RequestKey]:
        keys: list[RequestKey] = []
        with suppress(IndexError):  # another thread may take the last one at any moment
            while True:
                keys.append(self._to_void.popleft())
        return keys


def end_within(transaction: Transaction, key: RequestKey) -> None:
    """Remove all that is on record of a key in the transaction that its attempt ends with."""
    journal_rows.remove(transaction.connection, [key])
