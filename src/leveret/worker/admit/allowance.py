"""How many requests one principal may still make in its window, as far as this worker knows. Pure: no I/O, no clock.

Workers share one limit without a query for each request: each worker leases a share of a principal's window from the
store and counts the share down by itself. Shares shrink as the window is used up, so that at its end little lies unused
in other workers.
"""

from __future__ import annotations

import hashlib
from enum import Enum, auto
from math import inf
from typing import Final

from msgspec import Struct

from leveret.api import RateLimit
from leveret.errors import RateLimited
from leveret.sql.records import Lease
from leveret.wire.words import counted

SHARES: Final = 10
"""What is left in the window, divided by this number, is a share; a share is at least one request."""


def row_of(principal: str, action: str = "") -> str:
    """Return what names the window of a principal in the store, in 64 characters at most.

    The window for all requests has the principal's own name. That for one action has a digest, behind a blank, with
    which no principal begins.

    Args:
        principal: the subject of a token.
        action: version and name of an action, which hold no blank; empty for all requests.
    """
    if not action:
        return principal
    return " " + hashlib.blake2b(f"{action} {principal}".encode(), digest_size=31).hexdigest()


class Verdict(Enum):
    """What an allowance decides about a request."""

    ADMITTED = auto()
    SPENT = auto()
    UNKNOWN = auto()
    """Only a further lease can tell."""


class _Share(Struct, frozen=True):
    """The share that was leased last.

    Attributes:
        window: the number of its window.
        taken: how many requests of the window all workers together have leased.
        size: how many requests this worker was granted.
        ends: when the window ends.
    """

    window: int = 0
    taken: int = 0
    size: int = 0
    ends: float = -inf


class Allowance:
    """How many requests of one principal this worker may still admit.

    Args:
        limit: the limit that all workers share.
    """

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._share = _Share()
        self._in_hand = 0

    def admit(self, now: float) -> Verdict:
        """Admit a request if the share allows one more, and count it."""
        if now >= self._share.ends:
            return Verdict.UNKNOWN
        if self._in_hand:
            self._in_hand -= 1
            return Verdict.ADMITTED
        return Verdict.SPENT if self._share.taken >= self._limit.most else Verdict.UNKNOWN

    def is_low(self, now: float) -> bool:
        """Return whether to lease more before the share is used up; shares of one request are not leased in advance."""
        share = self._share
        return now < share.ends and 1 < share.size >= 2 * self._in_hand and share.taken < self._limit.most

    def next_share(self, waiting: int, now: float) -> int:
        """Return how many requests to lease: a part of what is left, and at least as many as wait."""
        taken = self._share.taken if now < self._share.ends else 0
        return max((self._limit.most - taken) // SHARES, waiting, 1)

    def grant(self, share: int, lease: Lease, now: float) -> None:
        """Add a lease.

        Args:
            share: how many requests were asked for.
            lease: the store's answer.
            now: a moment before the store was asked.
        """
        granted = min(share, max(0, share + self._limit.most - lease.taken))
        self._in_hand = granted + (self._in_hand if lease.window == self._share.window else 0)
        self._share = _Share(lease.window, lease.taken, granted, now + max(lease.seconds, 0.001))

    def refusal(self, now: float) -> RateLimited:
        """Return the refusal of a request when the window is used up."""
        most, seconds = self._limit.most, round(max(self._share.ends - now, 0.001), 3)
        window, of = self._limit.window.total_seconds(), f" of {self._limit.action}" if self._limit.action else ""
        return RateLimited(
            f"More than {counted(most, 'request')}{of} in {window:g} s; ask again in {seconds:g} s",
            details={"limit": most, "remaining": 0, "retry_after": seconds},
        )
