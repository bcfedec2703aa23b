"""Where effects and responses are kept: the records of the inbox and the contract of its store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

from msgspec import Struct

from leveret.errors import StorageBusy

C_co = TypeVar("C_co", covariant=True)


class KeyTaken(StorageBusy):
    """Another worker answered the same request at the same time; its row is there now."""


class Key(NamedTuple):
    """What an idempotency row is found by: one caller's id never finds another's response."""

    principal: str
    id: str


class Stored(Struct, frozen=True):
    """A stored response and the fingerprint of the request that it answered."""

    fingerprint: bytes
    response: bytes


class Row(Struct, frozen=True):
    """A row of ``processed_requests``, but for ``created_at``, which the database's own clock gives."""

    key: Key
    fingerprint: bytes
    version: str
    action: str
    response: bytes


class RateLimit(Struct, frozen=True):
    """How many requests one principal may have executed.

    Attributes:
        most: requests in one window.
        window: how long one is; it begins with the first request in it.
    """

    most: int
    window: timedelta

    def __post_init__(self) -> None:
        if self.most < 1 or self.window < timedelta(milliseconds=1):
            raise ValueError(f"A rate limit needs at least 1 request and 1 ms, got {self.most} and {self.window}")


class Lease(Struct, frozen=True):
    """What a principal's window is like after a share of it was leased.

    Attributes:
        window: names the window: its end, by the database's clock.
        taken: requests leased in it so far, by all workers, this share included; may be more than the limit.
        seconds: until the window ends.
    """

    window: int
    taken: int
    seconds: float


class Transaction(Protocol[C_co]):
    """One open transaction of a store."""

    @property
    def connection(self) -> C_co:
        """For the actions."""
        ...

    @property
    def touched(self) -> int:
        """Statements so far that may have written, or failed: after one of these a request cannot be undone alone."""
        ...

    @property
    def changes(self) -> int:
        """Statements so far that wrote, for certain."""
        ...

    @property
    def apart(self) -> bool:
        """Whether an action has left something on the connection that the next one would meet."""
        ...

    def gather(self, expected: int) -> None:
        """Allow rows to be kept back and added together, since requests that fail so run again one by one.

        Args:
            expected: how many requests share the transaction.
        """
        ...

    def find(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """Look up which keys have been answered."""
        ...

    def save(self, rows: Sequence[Row]) -> None:
        """Add rows.

        Raises:
            KeyTaken: another transaction has added one of the keys.
        """
        ...

    def forget_deaths(self, key: Key) -> None:
        """Remove the request from the crash journal."""
        ...


class Store(Protocol[C_co]):
    """Where effects and responses are kept; one store is used by one thread."""

    def begin(self, *, writes: bool) -> AbstractContextManager[Transaction[C_co]]:
        """Open a transaction: committed at the end, rolled back when an exception leaves it, which is translated.

        Args:
            writes: false for one that refuses to write.

        Raises:
            StorageUnavailable: the database does not answer, or somebody holds a whole table.
            StorageDoubtful: it failed as in an outage after the transaction had begun; the outcome of a commit may be
                unknown.
            StorageBusy: a lock or a conflict; nothing was kept.
        """
        ...

    def translate(self, error: BaseException) -> BaseException:
        """Turn the driver's error into one of ours where there is one, keeping it as the cause."""
        ...

    def attempts(self, keys: Sequence[Key]) -> Mapping[Key, int]:
        """Look up in the crash journal how many attempts began and have no end; what is not in it is left out."""
        ...

    def count_attempt(self, key: Key) -> int:
        """Write into the crash journal that a request runs now; returns how many such attempts began before."""
        ...

    def count_attempts(self, keys: Sequence[Key]) -> Mapping[Key, int]:
        """Do the same for several at once, each of them once; all are counted, or none."""
        ...

    def forget_attempts(self, keys: Sequence[Key]) -> None:
        """Remove all that the crash journal says of several at once."""
        ...

    def take_back_attempts(self, keys: Sequence[Key]) -> None:
        """Take attempts out of the crash journal whose worker did not die: an outage ended them."""
        ...

    def lease(self, shares: Mapping[str, int], window: timedelta) -> Mapping[str, Lease]:
        """Lease shares of principals' requests in their windows, all in one transaction.

        No two leases of a window overlap: a share of 5 that brings ``taken`` to 12 holds the requests 8 to 12. Which of
        them lie within a limit is for the caller to say.

        Args:
            shares: how many requests to lease, by principal.
            window: how long a window is; a new one begins where there is none, or where the last one is over.

        Raises:
            StorageUnavailable: the database does not answer.
            StorageBusy: a lock; nothing was leased.
        """
        ...

    def clock(self) -> datetime:
        """Read the database's clock, which all workers share."""
        ...

    def forget_answers(self, age: timedelta, most: int) -> int:
        """Remove up to ``most`` responses that were stored longer ago, by the database's clock.

        Entries of the crash journal, and rate windows that ended longer ago, go with them, as many of each.

        Returns:
            How many went of the kind of which most went; when it is ``most``, there may be more.
        """
        ...

    def ping(self) -> None:
        """Check that the database answers.

        Raises:
            StorageUnavailable: it does not.
        """
        ...

    def answers(self) -> None:
        """Check the same on a new connection, and wait for a moment where the database does not answer.

        Raises:
            StorageUnavailable: it does not.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
