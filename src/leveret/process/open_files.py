"""How many files and connections this process may have open."""

from __future__ import annotations

import sys
from typing import Final

_OTHERS: Final = 200
"""Files that a process has open beside its connections: libraries, logs, databases."""


def allow_connections(count: int) -> int | None:
    """Raise the limit of open files of this process as far as it may itself, so that it can have many connections.

    Args:
        count: how many connections are wanted.

    Returns:
        How many it can have if these are fewer; None if they are enough, or if the system has no such limit.
    """
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - Windows does not have it

    wanted = count + _OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return None
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return None
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(hard - _OTHERS, 0)
