"""Plans an operation: what it is about is found, and written down before anything is sent."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from leveret.application import Application
from leveret.letters.filters import LetterFilter
from leveret.letters.index.opening import Source
from leveret.letters.index.reading import Tell
from leveret.letters.unmatched import NoSuchLetters
from leveret.operate.operations.operations import open_operations
from leveret.operate.operations.options import RedriveOptions
from leveret.operate.operations.records import OperationView
from leveret.operate.operations.targets import FoundTargets, find_targets
from leveret.operate.record import Cause
from leveret.operate.threads import in_thread
from leveret.settings import Settings

MOST_OF_ONE: Final = 100_000
"""Letters that one operation has at most."""

_MARGIN: Final = 15.0
"""Seconds that a request may take beside all its retries."""

_LONGEST_WAIT: Final = 600.0
"""Seconds to wait by default at most, however long retries take."""


class OperatedSystem(Struct, frozen=True):
    """What operations work on.

    Attributes:
        app: the application; all its actions are registered.
        settings: its settings.
        source: the broker, and the file of the index of letters.
    """

    app: Application[Any]
    settings: Settings
    source: Source


class RedrivePlan(Struct, frozen=True):
    """An operation that was written down, and can be run.

    Attributes:
        view: the operation.
        found: its letters, and what was not found.
    """

    view: OperationView
    found: FoundTargets


async def plan_redrive(
    system: OperatedSystem,
    cause: Cause,
    wanted: LetterFilter,
    options: RedriveOptions,
    *,
    limit: int = MOST_OF_ONE,
    tell: Tell | None = None,
) -> RedrivePlan:
    """Find letters, and write down that they are to be sent again; nothing is sent yet.

    Args:
        system: the application, its settings and its letters.
        cause: who, and why.
        wanted: which letters; those that are named by their ids are sent although workers died on them.
        options: how they are to be sent.
        limit: how many at most, the oldest ones.
        tell: called while the stream of letters is read.

    Raises:
        BrokerTrouble: there is no queue of letters, or no permission.
        IndexTrouble: the file of the index cannot be used.
        ValueError: the text of the filter cannot be searched.
        NoSuchLetters: no letter meets the conditions; nothing is written down.
        SettingsError, StorageUnavailable, StorageFailed: it cannot be written down.
    """
    found = await find_targets(system.source, wanted, min(limit, MOST_OF_ONE), tell)
    if found.none:
        raise NoSuchLetters(found.none)
    told = replace(options, named=bool(wanted.ids))
    return RedrivePlan(await in_thread(_write, system, cause, wanted, told, found), found)


def default_wait(app: Application[Any], settings: Settings) -> float:
    """Return how many seconds a step waits by default: longer than a request is retried, up to ten minutes."""
    policies = [app.policy(settings), *(action.retry for action in app if action.retry)]
    longest = max(policy.longest for policy in policies)
    return min(longest.total_seconds() + _MARGIN, _LONGEST_WAIT)


def _write(
    system: OperatedSystem, cause: Cause, wanted: LetterFilter, options: RedriveOptions, found: FoundTargets
) -> OperationView:
    with open_operations(system.app, system.settings) as operations:
        return operations.plan(cause, wanted, options, found.letters)
