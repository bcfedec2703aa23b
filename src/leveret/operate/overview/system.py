"""What an overview has to know of a system beside what is seen of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

MINUTE: Final = 60.0
"""Seconds over which rates and durations are taken."""

WHILE: Final = 300.0
"""Seconds within which letters and retries count as new."""

SILENT_AFTER: Final = 20.0
"""Seconds without a report after which a worker is called silent; it reports every five."""

FORGOTTEN_AFTER: Final = 600.0
"""Seconds without a report after which a worker is not shown any more."""


class System(Struct, frozen=True, kw_only=True):
    """A system, as far as an overview needs to know it.

    Attributes:
        application: its name.
        limit: how many requests may wait; None for any number.
        watchdog: seconds for which a worker may be stuck before it ends itself; None if it never does.
        command: returns what a person types to call its command with some words.
    """

    application: str
    limit: int | None = None
    watchdog: float | None = None
    command: Callable[[str], str] = "leveret {}".format
