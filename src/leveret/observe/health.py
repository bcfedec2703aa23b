"""Whether the processes of a command are alive, ready and started: pure rules over their reports.

A process that is not alive should be killed and started again. So a broker or a database that is away does not count
there: new processes would not reach it either.
"""

from __future__ import annotations

from typing import Final

from leveret.observe.reports import KnownProcess, Reports

SILENT: Final = 15.0
"""Seconds without a report after which the event loop of a process counts as hanging; it reports every second."""

LATELY: Final = 20.0
"""Seconds within which the database must have answered."""


def not_alive(reports: Reports, patience: float) -> list[str]:
    """Return which processes do not move, one sentence for each; none if all do.

    Args:
        reports: the last reports.
        patience: seconds that a lane may run something while no job ends.
    """
    return [words for known in reports.processes() if (words := _stuck(known, patience))]


def door_not_alive(still: float) -> list[str]:
    """Return why a door over HTTP does not move; nothing if it does.

    Args:
        still: seconds since its event loop has moved.
    """
    return [f"its event loop has not moved for {still:.0f} s"] if still > SILENT else []


def not_ready(reports: Reports) -> list[str]:
    """Return why none of the processes works at present, one sentence for each; none if one works."""
    reasons = {known.report.pid: _idle(known) for known in reports.processes()}
    if not reasons:
        return ["no process has reported yet"]
    if any(not words for words in reasons.values()):
        return []
    return [f"process {pid}: {words}" for pid, words in reasons.items()]


def not_started(reports: Reports) -> list[str]:
    """Return what is missing until all processes have consumed once; none when that is done."""
    if reports.has_started:
        return []
    consumed = sum(known.report.has_consumed for known in reports.processes())
    return [f"{consumed} of {reports.expected} processes have consumed so far"]


def _stuck(known: KnownProcess, patience: float) -> str:
    if known.age > SILENT:
        return f"process {known.report.pid}: its event loop has not moved for {known.age:.0f} s"
    if known.report.lanes_still > patience:
        return f"process {known.report.pid}: no job has ended in its lanes for {known.report.lanes_still:.0f} s"
    return ""


def _idle(known: KnownProcess) -> str:
    database = known.report.database
    if known.age > SILENT:
        return f"it has not reported for {known.age:.0f} s"
    if not known.report.state.consuming:
        return "it does not consume: the broker or the database is away"
    if database is None or database + known.age > LATELY:
        return "the database has not answered lately"
    return ""
