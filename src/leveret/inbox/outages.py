"""Telling an outage of the database from a request on which the database fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from leveret.errors import FailedAlone, RowRefused, StorageDoubtful, StorageFailed
from leveret.sql.store import Store

T = TypeVar("T")

TRIES: Final = 2
"""Tries of a request on which the database fails, without a pause; the first connection may have ended before."""


def judged(store: Store, attempt: Callable[[], T]) -> T:
    """Return what ``attempt`` returns; if the database fails, return what `try_again` returns.

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
    """Find out whether an error of the database is an outage; if not, and if it may help, repeat the attempt.

    A connection that the database ends because of one request looks like an outage. An error about one request may
    come from a database that refuses all requests. A check on a new connection tells these cases apart. A row that
    breaks a constraint of an application's table concerns its request only, and causes no check.

    Args:
        store: the store on which the attempt failed.
        error: the error of the first attempt.
        attempt: the attempt that failed.

    Raises:
        StorageUnavailable: the database does not answer.
        FailedAlone: the database failed at each try as in an outage, but answered the checks in between.
        Exception: whatever else ``attempt`` raises; ``error`` itself if the database has refused only this request.
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
