"""Where effects and responses are kept: the records of the inbox and the contract of its store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from msgspec import Struct

from warren.errors import StorageBusy

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
    """A row of ``processed_requests``."""

    key: Key
    fingerprint: bytes
    version: str
    action: str
    response: bytes
    created_at: datetime


class Transaction(Protocol[C_co]):
    """One open transaction of a store."""

    @property
    def connection(self) -> C_co:
        """For the actions."""
        ...

    @property
    def touched(self) -> int:
        """Statements so far that wrote or failed: after one of these a request's work cannot be taken back alone."""
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

        Raises:
            StorageUnavailable: the database does not answer, or the outcome of the commit is unknown.
            StorageBusy: a lock or a conflict; nothing was kept.
        """
        ...

    def translate(self, error: BaseException) -> BaseException:
        """Turn the driver's error into one of ours where there is one, keeping it as the cause."""
        ...

    def count_attempt(self, key: Key) -> int:
        """Write into the crash journal that a request runs now; returns how many such attempts began before."""
        ...

    def take_back_attempts(self, keys: Sequence[Key]) -> None:
        """Take attempts out of the crash journal whose worker did not die: an outage ended them."""
        ...

    def forget_answers(self, before: datetime, most: int) -> int:
        """Remove up to ``most`` rows that were stored before a moment; returns how many went."""
        ...

    def ping(self) -> None:
        """Check that the database answers.

        Raises:
            StorageUnavailable: it does not.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
