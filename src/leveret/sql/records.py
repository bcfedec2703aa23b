"""What the store keeps and returns: keys, responses, rows, leases."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from leveret.errors import StorageBusy


class KeyTaken(StorageBusy):
    """Another worker has answered the same request at the same time; its row is there now."""


class RequestKey(NamedTuple):
    """The key of idempotency: with the principal in it, the id of one caller never finds the response of another."""

    principal: str
    id: str


class StoredResponse(Struct, frozen=True):
    """A stored response and the fingerprint of the request that it answered."""

    fingerprint: bytes
    response: bytes


class Row(Struct, frozen=True):
    """A row of ``processed_requests`` without ``created_at``, which the database's clock sets."""

    key: RequestKey
    fingerprint: bytes
    version: str
    action: str
    response: bytes


class Lease(Struct, frozen=True):
    """A principal's window after a share of it was leased.

    Attributes:
        window: the window's end by the database's clock, which identifies the window.
        taken: how many requests all workers have leased in it so far, this share included; may exceed the limit.
        seconds: until the window ends.
    """

    window: int
    taken: int
    seconds: float
