"""Where effects and responses are kept: the records of the inbox and the contract of its store."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from msgspec import Struct

from leveret.errors import StorageBusy


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
