"""Telling an outage of the database from a request on which the database fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from leveret.errors import FailedAlone, RowRefused, StorageDoubtful, StorageFailed
from leveret.sql.store import Store

T = TypeVar("T")

TRIES: Final = 2
"""Tries, at once, of a request on which the database fails; its connection may have ended before the first one."""


def judged(store: Store, attempt: Callable[[], T]) -> T:
    """Return what ``attempt`` returns, and find out whether an error of the database is an outage.

    The database may end a connection because of what one request asks for, which looks like an outage. It may also
    refuse one request because it refuses all of them. A check on a new connection tells these apart. A row that breaks
    a constraint of an application's table concerns its request only and is not checked.

    Raises:
        StorageUnavailable: the database does not answer.
        FailedAlone: the database failed at each try as in an outage, but answered the checks in between.
        Exception: whatever else ``attempt`` raises.
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
