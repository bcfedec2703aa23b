"""What one principal may still do in its window, as far as this worker knows. Pure: times are given, nothing is asked.

Workers share one limit without a question for each request: each leases a share of a principal's window from the store
and counts that down by itself. Shares shrink as the window fills, so that little lies unused in other workers' hands
when the last of it is asked for.
"""

from __future__ import annotations

from enum import Enum, auto
from math import inf
from typing import Final

from msgspec import Struct

from leveret.errors import RateLimited
from leveret.sql.records import Lease
from leveret.worker.admit.rate_limit import RateLimit

SHARES: Final = 10
"""A share is this part of what is left in the window, and at least one request."""


class Verdict(Enum):
    """What an allowance says to a request."""

    ADMITTED = auto()
    SPENT = auto()
    UNKNOWN = auto()
    """Only a further lease can tell."""


class _Share(Struct, frozen=True):
    """What was leased last.

    Attributes:
        window: its number.
        taken: of the window, by all workers together.
        size: requests that were granted here.
        ends: when the window does.
    """

    window: int = 0
    taken: int = 0
    size: int = 0
    ends: float = -inf


class Allowance:
    """One principal's requests in hand.

    Args:
        limit: what all workers share.
    """

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._share = _Share()
        self._in_hand = 0

    def admit(self, now: float) -> Verdict:
        """Count a request down, if there is one in hand."""
        if now >= self._share.ends:
            return Verdict.UNKNOWN
        if self._in_hand:
            self._in_hand -= 1
            return Verdict.ADMITTED
        return Verdict.SPENT if self._share.taken >= self._limit.most else Verdict.UNKNOWN

    def is_low(self, now: float) -> bool:
        """Say whether to lease more before the last one in hand is used; single requests are not kept in store."""
        share = self._share
        return now < share.ends and 1 < share.size >= 2 * self._in_hand and share.taken < self._limit.most

    def next_share(self, waiting: int, now: float) -> int:
        """Say how much to lease: enough for those that wait, or a part of what is left."""
        taken = self._share.taken if now < self._share.ends else 0
        return max((self._limit.most - taken) // SHARES, waiting, 1)

    def grant(self, share: int, lease: Lease, now: float) -> None:
        """Take what was leased.

        Args:
            share: what was asked for.
            lease: what the store answered.
            now: a moment before it was asked.
        """
        granted = min(share, max(0, share + self._limit.most - lease.taken))
        self._in_hand = granted + (self._in_hand if lease.window == self._share.window else 0)
        self._share = _Share(lease.window, lease.taken, granted, now + max(lease.seconds, 0.001))

    def refusal(self, now: float) -> RateLimited:
        """Write the refusal of a request that finds the window spent."""
        most, seconds = self._limit.most, round(max(self._share.ends - now, 0.001), 3)
        window = self._limit.window.total_seconds()
        return RateLimited(
            f"More than {most} request{'s' * (most != 1)} in {window:g} s; ask again in {seconds:g} s",
            details={"limit": most, "remaining": 0, "retry_after": seconds},
        )
