"""Makes an overview from what was seen; a pure function."""

from __future__ import annotations

from collections.abc import Iterator

from leveret.operate.overview.facts import gather
from leveret.operate.overview.records import HiddenPart, Overview
from leveret.operate.overview.rules import RULES
from leveret.operate.overview.samples import Seen
from leveret.operate.overview.system import System


def compose(seen: Seen, system: System, now: float) -> Overview:
    """Return how a system does at a moment, as far as it was seen.

    Args:
        seen: what was seen, of the last ten minutes; older reports of workers change nothing.
        system: what is known of the system beforehand.
        now: POSIX seconds.
    """
    facts = gather(seen, system, now)
    return Overview(
        at=now,
        application=system.application,
        problems=tuple(problem for rule in RULES for problem in rule(facts)),
        depths=facts.depths,
        flow=facts.flow,
        workers=facts.workers,
        broker=seen.broker,
        database=seen.database,
        reports=seen.reports,
        blind=tuple(_blind(seen)),
    )


def _blind(seen: Seen) -> Iterator[HiddenPart]:
    if seen.broker.state == "away":
        yield HiddenPart("broker", seen.broker.words)
    elif seen.reports.state in ("away", "unknown", "unused"):
        yield HiddenPart("reports", seen.reports.words)
    if seen.database.state == "away":
        yield HiddenPart("database", seen.database.words)
