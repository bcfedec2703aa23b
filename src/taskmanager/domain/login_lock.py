"""How long an account refuses logins after failures in a row."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

FREE_FAILURES: Final = 5
"""The failure that locks; those before it are slips of the finger."""

LONGEST: Final = timedelta(minutes=15)
"""Four guesses an hour, at most; and whoever is locked out by somebody else's guesses knows when to try again."""

FEW_FORGOTTEN_AFTER: Final = timedelta(hours=1)
"""Failures too few to lock. Made-up emails fill no more than an hour's worth of rows."""

MANY_FORGOTTEN_AFTER: Final = timedelta(days=1)
"""Failures that locked: to wait for the free ones again gains nothing over going on at the longest lock."""


def lock_after(failures: int) -> timedelta:
    """Say how long to refuse after so many failures in a row: nothing for four, then 1 s, 2 s, 4 s and so on."""
    beyond = failures - FREE_FAILURES
    if beyond < 0:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(beyond, 30)), LONGEST)
