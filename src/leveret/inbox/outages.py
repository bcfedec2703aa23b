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
    """Return what ``attempt`` returns; where the database fails, return what `try_again` returns.

    Raises:
        StorageUnavailable: the database does not answer.
        FailedAlone: see `try_again`.
        Exception: whatever else ``attempt`` raises.
    """
    try:
        return attempt()
    except (StorageDoubtful, StorageFailed) as error:
        return try_again(store, error, attempt)


def try_again(store: Store, error: StorageDoubtful | StorageFailed, attempt: Callable[[], T]) -> T:
    """Find out whether an error of the database is an outage, and repeat the attempt that met it if that may help.

    The database may end a connection because of what one request asks for, which looks like an outage. It may also
    refuse one request because it refuses all of them. A check on a new connection tells these apart. A row that breaks
    a constraint of an application's table concerns its request only and is not checked.

    Args:
        store: the connection that met the error.
        error: of the first attempt.
        attempt: what met it.

    Raises:
        StorageUnavailable: the database does not answer.
        FailedAlone: the database failed at each try as in an outage, but answered the checks in between.
        Exception: whatever else ``attempt`` raises; ``error`` where the database has refused what was asked for.
    """
    tries = 1
    while True:
        if isinstance(error, StorageFailed):
            if not isinstance(error, RowRefused):
                store.ping()
            raise error
        store.answers()
        if tries == TRIES:
            raise FailedAlone(f"The database failed on this request and answered others: {error.reason}") from error
        tries += 1
        try:
            return attempt()
        except (StorageDoubtful, StorageFailed) as another:
            error = another
