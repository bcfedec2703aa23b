"""The crash journal: redelivered requests are on record while they run, and redelivered messages while they are read.

A worker commits a row before it runs such a request or reads such a message, and removes the row afterwards. A row that
is left behind means that a worker has died. An attempt that ended because of an outage or the loss of the broker is
voided, because no worker has died.
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
"""How many workers may die on one request; then it is given up."""

TRIES: Final = 2
"""How often removing an entry is tried; the connection may have ended before the first try."""


class Journal:
    """The operations on the crash journal, and the attempts that are still to be voided.

    All lanes of a worker share one journal. A method that needs the database takes the store of the lane in whose
    thread it is called.
    """

    def __init__(self) -> None:
        self._to_void: deque[RequestKey] = deque()

    def deaths(self, store: Store, keys: Sequence[RequestKey]) -> Mapping[RequestKey, int]:
        """Return how many attempts of each key are on record; a key that is not on record is left out.

        Raises:
            StorageUnavailable: the database does not answer.
        """

        def look() -> Mapping[RequestKey, int]:
            with store.begin(writes=False) as transaction:
                return journal_rows.read(transaction.connection, keys)

        return judged(store, look)

    def begin(self, store: Store, keys: Sequence[RequestKey]) -> Mapping[RequestKey, int]:
        """Record an attempt of each key, all or none; return how many deaths each key had before.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        with store.begin(writes=True) as transaction:
            attempts = journal_rows.add_attempts(transaction.connection, keys)
        return {key: count - 1 for key, count in attempts.items()}

    def learn(self, store: Store, deaths: Mapping[RequestKey, int]) -> None:
        """Record deaths that are known from elsewhere, for each key that has fewer on record.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        with store.begin(writes=True) as transaction:
            known = journal_rows.read(transaction.connection, list(deaths))
            for key, wanted in deaths.items():
                for _ in range(wanted - known.get(key, 0)):
                    journal_rows.add_attempts(transaction.connection, [key])

    def end(self, store: Store, keys: Sequence[RequestKey]) -> None:
        """Remove everything that is on record for each key, because its attempt has ended.

        Never raises: if removing fails, the attempts are voided later.
        """
        for left in reversed(range(TRIES)):
            try:
                with store.begin(writes=True) as transaction:
                    journal_rows.remove(transaction.connection, keys)
            except Exception as error:
                if not left:
                    logger.info("entries of the crash journal could not be removed, and are voided later: %s", error)
                    self.void(keys)
            else:
                return

    def void(self, keys: Iterable[RequestKey]) -> None:
        """Let ``catch_up`` take the last attempt of each key off the record, because no worker has died."""
        self._to_void.extend(keys)

    def catch_up(self, store: Store) -> None:
        """Take the voided attempts off the record; if that fails, the next call tries again.

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
    """Remove everything that is on record for a key, in the transaction that ends its attempt."""
    journal_rows.remove(transaction.connection, [key])
