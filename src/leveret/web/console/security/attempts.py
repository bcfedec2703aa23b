"""How long an account or an address waits after failed sign-ins. Pure."""

from __future__ import annotations

from typing import Final

FREE_FOR_A_NAME: Final = 5
"""Failures in a row of one name that cost nothing: people mistype."""

FREE_FOR_AN_ADDRESS: Final = 30
"""Failures in a row of one address that cost nothing: several people may share it."""

FORGOTTEN_AFTER: Final = 24 * 3600.0
"""Seconds after the last failure in which failures are forgotten."""

_LONGEST: Final = 15 * 60.0
"""Seconds of the longest pause; a longer one would let a stranger keep an operator out."""


_MOST_DOUBLINGS: Final = 20


def pause_after(failures: int, free: int = FREE_FOR_A_NAME) -> float:
    """Return for how many seconds nobody may try again after that many failures in a row, of which some are free."""
    if failures < free:
        return 0.0
    return min(2.0 ** min(failures - free + 1, _MOST_DOUBLINGS), _LONGEST)
