"""What the store keeps and returns: keys, stored responses, rows, leases."""

from __future__ import annotations

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
