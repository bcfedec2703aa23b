"""What is told of operations: how they stand, and how they get on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from leveret.errors import LeveretError
from leveret.letters.filters import LetterFilter, read_filter
from leveret.operate.operations.options import RedriveOptions, Step
from leveret.sql.operation_rows import Operation, OperationLetter


class OperationState(StrEnum):
    """How an operation stands. All but those that are done can be resumed."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FAILED = "failed"
    DONE = "done"


class LetterResult(StrEnum):
    """What became of a letter of an operation.

    ``SENT`` stays where nobody can tell what became of the request. ``REFUSED`` letters stay in the queue. ``FAILED``
    requests are a new letter, or were answered with an error.
    """

    WANTED = "wanted"
    SENDING = "sending"
    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    MISSING = "missing"


class OperationTrouble(LeveretError):
    """An operation cannot be run as somebody wants; the text says why and what to do."""


class OperationCounts(Struct, frozen=True, kw_only=True):
    """How many letters of an operation are in each state; those that are being sent count as wanted."""

    wanted: int = 0
    sent: int = 0
    succeeded: int = 0
    failed: int = 0
    refused: int = 0
    missing: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.wanted + self.handled

    @property
    def handled(self) -> int:
        """Those that were sent, or cannot be."""
        return self.gone + self.refused + self.missing

    @property
    def gone(self) -> int:
        """Those that were sent, whatever became of them."""
        return self.sent + self.succeeded + self.failed


def counts_of(states: Mapping[str, int]) -> OperationCounts:
    """Return the counts by the numbers of the states in the database."""
    known = {name: states.get(name, 0) for name in OperationCounts.__struct_fields__}
    return OperationCounts(**known | {"wanted": known["wanted"] + states.get(LetterResult.SENDING, 0)})


class OperationView(Struct, frozen=True, kw_only=True):
    """An operation as people see it.

    Attributes:
        id: names it.
        kind: ``redrive`` and so on.
        wanted: which letters were asked for.
        options: how it is done.
        by_whom: who began it.
        why: the reason; may be empty.
        incident: the name of the incident; may be empty.
        created_at: when it was begun.
        state: how it stands.
        ended_why: why it is paused, stopped or failed.
        owner: who runs it, or ran it last; empty where nobody has yet.
        lease_until: until when nobody else may run it without taking it over.
        counts: how many letters are in each state.
    """

    id: str
    kind: str
    wanted: LetterFilter
    options: RedriveOptions
    by_whom: str
    why: str
    incident: str
    created_at: datetime
    state: OperationState
    ended_why: str
    owner: str
    lease_until: datetime
    counts: OperationCounts

    def is_run(self, now: datetime) -> bool:
        """Whether somebody runs it: its state says so, and its lease has not ended."""
        return self.state is OperationState.RUNNING and self.lease_until > now


class RedriveProgress(Struct, frozen=True, kw_only=True):
    """How far an operation is.

    Attributes:
        operation: its id.
        counts: how many letters are in each state.
        step: the step that it is at, from 1.
        steps: how many steps there are.
        waiting: whether it waits for what becomes of the letters of this step, and sends nothing meanwhile.
        rate: letters that this process has sent for each second; 0.0 before the first ones.
        remaining: estimated seconds until all letters are sent; None where that is not known.
    """

    operation: str
    counts: OperationCounts
    step: int
    steps: int
    waiting: bool
    rate: float
    remaining: float | None


def progress_of(
    operation: str, letters: Iterable[OperationLetter], step: Step, *, waiting: bool, rate: float
) -> RedriveProgress:
    """Return how far an operation is; ``rate`` is the letters that were sent for each second."""
    counts = counts_of(Counter(letter.state for letter in letters))
    return RedriveProgress(
        operation=operation,
        counts=counts,
        step=step.number,
        steps=step.of,
        waiting=waiting,
        rate=rate,
        remaining=seconds_left(counts, rate),
    )


def seconds_left(counts: OperationCounts, rate: float) -> float | None:
    """Return the estimated seconds until all letters are sent; None where nothing was sent that tells it."""
    if not counts.wanted:
        return 0.0
    return counts.wanted / rate if rate else None


NOT_BEGUN: Final = "not begun yet"
"""Why an operation is paused that was only planned."""


def written_filter(wanted: LetterFilter) -> str:
    """Write a filter as it is kept."""
    return msgspec.json.encode(wanted.words()).decode()


def written_options(options: RedriveOptions) -> str:
    """Write options as they are kept."""
    return msgspec.json.encode(options).decode()


def view_of(row: Operation, states: Mapping[str, int]) -> OperationView:
    """Make the view of an operation.

    Args:
        row: as it is in the database.
        states: how many of its letters are in each state.
    """
    conditions = msgspec.json.decode(row.filter_json, type=dict[str, tuple[str, ...]])
    return OperationView(
        id=row.id,
        kind=row.kind,
        wanted=read_filter(conditions),
        options=msgspec.json.decode(row.options_json, type=RedriveOptions),
        by_whom=row.by_whom,
        why=row.why,
        incident=row.incident,
        created_at=row.created_at,
        state=OperationState(row.state),
        ended_why=row.ended_why,
        owner=row.owner,
        lease_until=row.lease_until,
        counts=counts_of(states),
    )
