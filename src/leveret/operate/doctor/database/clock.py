"""Whether the database's clock and this machine's agree: one says how old rows are, the other when tokens end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from leveret.operate.doctor.database.reaching import engine_of
from leveret.operate.doctor.finding import Finding, Findings, ok, warning, wrong
from leveret.operate.doctor.installation import Installation
from leveret.sql import Store

SEEN: Final = 2.0
"""Seconds of difference that are worth a look."""

FELT: Final = 30.0
"""Seconds of difference from which on tokens are refused."""


def clock(installation: Installation) -> Findings:
    """Report the difference of the two clocks; with SQLite there is only one."""
    with engine_of(installation) as engine:
        store = Store(engine)
        try:
            store.clock()  # connects, so that what follows takes no time
            before = datetime.now(UTC)
            theirs = store.clock()
            after = datetime.now(UTC)
        finally:
            store.close()
    return [judge((theirs - (before + (after - before) / 2)).total_seconds())]


def judge(seconds: float) -> Finding:
    """Return what a difference means: seconds by which the database's clock is ahead."""
    which = "ahead of" if seconds > 0 else "behind"
    text = f"the database's clock is {abs(seconds):.1f} s {which} this machine's"
    if abs(seconds) > FELT:
        return wrong(text, "Set both by NTP: tokens and deadlines are refused.")
    if abs(seconds) > SEEN:
        return warning(text, "Set both by NTP.")
    return ok("the database's clock agrees with this machine's")
