"""Telling an outage of the database from a request on which the database fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from leveret.errors import FailedAlone, RowRefused, StorageDoubtful, StorageFailed
from leveret.sql.store import Store

T = TypeVar("T")

TRIES: Final = 2
"""How often something is tried at once on which the database fails: its connection may have ended before."""


def judged(store: Store, attempt: Callable[[], T]) -> T:
    """Attempt something with a store, and say of an error whether it is an outage.

    The database may end a connection because of what one request asks of it, which looks like an outage; and it may
    refuse what one request asks of it because it refuses everybody. A check on a new connection tells. A row that
    breaks a constraint of an action's own table is that request's affair, and is not checked.

    Raises:
        StorageUnavailable: the database does not answer.
        FailedAlone: it failed at each try as in an outage, and answered the checks in between.
        Exception: whatever else the attempt raises.
    """
    for _ in range(TRIES):
        try:
            return attempt()
        except StorageDoubtful as error:
            store.answers()
            last = error
        except RowRefused:
            raise
        except StorageFailed:
            store.ping()
            raise
    raise FailedAlone(f"The database failed on this request and answered others: {last.reason}") from last
