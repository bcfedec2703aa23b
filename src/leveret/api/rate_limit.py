"""The values of a rate limit; `leveret.worker.admit.admission` applies it."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct


class RateLimit(Struct, frozen=True):
    """How many requests one principal may have executed.

    Attributes:
        most: the most requests in one window.
        window: how long a window is; it begins with the first request in it.
        action: version and name of the action whose requests count, which its registration writes here; empty if all
            requests count.

    Raises:
        ValueError: ``most`` is less than one request, or ``window`` less than one millisecond.
    """

    most: int
    window: timedelta
    action: str = ""

    def __post_init__(self) -> None:
        if self.most < 1 or self.window < timedelta(milliseconds=1):
            raise ValueError(f"A rate limit needs at least 1 request and 1 ms, got {self.most} and {self.window}")
