"""How long an account refuses logins after several failed logins in a row."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

FREE_FAILURES: Final = 5
"""Number of the first failure in a row that locks the account; fewer than that may be typing errors."""

LONGEST: Final = timedelta(minutes=15)
"""Longest lock. It allows four guesses an hour, and a user whom somebody else's guesses lock out waits no longer."""

FEW_FORGOTTEN_AFTER: Final = timedelta(hours=1)
"""Age at which failures that did not lock are forgotten; so invented emails fill at most one hour's worth of rows."""

MANY_FORGOTTEN_AFTER: Final = timedelta(days=1)
"""Age at which failures that locked are forgotten.

A guesser who waits that long for new free guesses gains nothing over one who guesses once in each longest lock.
"""


def lock_after(failures: int) -> timedelta:
    """Return how long to refuse logins after a number of failures in a row: 0 s up to four, then 1 s, 2 s, 4 s, ..."""
    beyond = failures - FREE_FAILURES
    if beyond < 0:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(beyond, 30)), LONGEST)
