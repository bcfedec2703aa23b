"""What is printed of operations: lines for people, or a JSON object for each line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import msgspec
import typer

from leveret.cli.ending.streams import OutputLost
from leveret.cli.terminal.screen import print_table
from leveret.operate.operations import (
    FoundTargets,
    LetterResult,
    OperationCounts,
    OperationState,
    OperationView,
    RedriveOptions,
    RedrivePlan,
    RedriveProgress,
)
from leveret.operate.operations.options import steps_of
from leveret.operate.operations.planning import MOST_OF_ONE
from leveret.process.durations import format_duration
from leveret.sql.operation_rows import OperationLetter
from leveret.wire.codec import encode_json
from leveret.wire.kept import iso_time
from leveret.wire.masking import printable, shown
from leveret.wire.words import counted

_LONGEST_ID: Final = 128
_MOST_LINES: Final = 100
"""Letters that are printed one by one; JSON has all of them."""

_EVERY: Final = 5.0
"""Seconds between two lines that only tell that it goes on."""

_WORDS: Final[Mapping[str, str]] = {
    LetterResult.FAILED: "failed again",
    LetterResult.REFUSED: "stays",
    LetterResult.MISSING: "not there",
    LetterResult.SENT: "sent, result not known",
    LetterResult.SENDING: "about to be sent",
    LetterResult.WANTED: "not sent yet",
    LetterResult.SUCCEEDED: "succeeded",
}

UNSETTLED: Final = (LetterResult.FAILED, LetterResult.REFUSED, LetterResult.MISSING, LetterResult.SENT)
TOLD_AT_END: Final = (LetterResult.SUCCEEDED, *UNSETTLED)
"""What is told of single letters: while it is not over, and at the end."""

COLUMNS: Final = ("operation", "begun", "by", "letters", "state", "results", "why")
_CUT: Final = ("by", "results", "why")
"""Columns that are cut where a terminal is narrow."""


class Told:
    """Prints how one operation gets on; where nobody can get that any more, the operation goes on without it.

    Args:
        as_json: a JSON object for each line.

    Attributes:
        lost: why the output could not be written; None while it can.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.lost: OutputLost | None = None
        self._at: tuple[int, bool] | None = None
        self._when = 0.0

    def planned(self, plan: RedrivePlan) -> None:
        """Print which operation this is, and what was not found."""
        with self._going_on():
            self._planned(plan)

    def _planned(self, plan: RedrivePlan) -> None:
        view = plan.view
        if self.as_json:
            line({"type": "operation", **as_object(view), **_not_found(plan.found)})
            return
        typer.echo(f"operation {view.id}: {_in_steps(view.counts.total, view.options)}")
        self.not_found(plan.found)

    def would_send(self, found: FoundTargets, options: RedriveOptions) -> None:
        """Print which letters would be sent."""
        for key, request in found.letters:
            if self.as_json:
                line({"type": "letter", "letter": key, "id": request})
            else:
                typer.echo(printable(f"would be sent again: {shown(request or key, _LONGEST_ID)}"))
        if self.as_json:
            line({"type": "summary", "letters": len(found.letters), **_not_found(found)})
            return
        self.not_found(found)
        typer.echo(f"Nothing was sent. It would be {_in_steps(len(found.letters), options)}.")

    def not_found(self, found: FoundTargets) -> None:
        """Print what was asked for and is not among the letters."""
        for missing in found.missing:
            typer.echo(printable(f"not there: {missing}: no letter with this id was found"))
        if found.left:
            typer.echo(
                f"{counted(found.left, 'more letter')} left out: the limit is {MOST_OF_ONE:,}, or what --limit says."
            )
        if found.unseen:
            typer.echo(f"{counted(found.unseen, 'letter')} of the queue could not be looked through.")

    def is_complete(self, found: FoundTargets) -> bool:
        """Return whether all that was asked for is among the letters."""
        return not (found.missing or found.unseen)

    def progress(self, progress: RedriveProgress) -> None:
        """Print how far it is, if that is worth a line."""
        with self._going_on():
            self._progress(progress)

    def _progress(self, progress: RedriveProgress) -> None:
        if self.as_json:
            line({"type": "progress", **msgspec.to_builtins(progress)})
            return
        at = progress.step, progress.waiting
        if at != self._at or time.monotonic() - self._when >= _EVERY:
            self._at, self._when = at, time.monotonic()
            typer.echo(_progress_line(progress))

    def ended(self, view: OperationView, letters: Sequence[OperationLetter]) -> None:
        """Print how it ended, and what became of its letters."""
        with self._going_on():
            self._ended(view, letters)

    def _ended(self, view: OperationView, letters: Sequence[OperationLetter]) -> None:
        if self.as_json:
            for letter in letters:
                line(letter_object(letter))
            line({"type": "summary", **as_object(view)})
            return
        print_letters(letters)
        typer.echo(printable(state_line(view)))

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """Note that the output is lost instead of ending the operation; later lines are dropped."""
        try:
            yield
        except OutputLost as error:
            self.lost = self.lost or error


def line(document: Mapping[str, Any]) -> None:
    """Print a JSON object on a line."""
    sys.stdout.buffer.write(encode_json(document) + b"\n")
    sys.stdout.buffer.flush()


def as_object(view: OperationView) -> dict[str, Any]:
    """Return an operation as JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(view)
    times = {name: iso_time(getattr(view, name)) for name in ("created_at", "lease_until")}
    return found | times | {"wanted": view.wanted.words()}


def letter_object(letter: OperationLetter) -> dict[str, Any]:
    """Return a letter of an operation as JSON has it."""
    known = {"letter": letter.letter, "id": letter.request, "state": letter.state, "why": letter.why}
    return {"type": "letter", **known, "at": iso_time(letter.at)}


def print_letters(letters: Sequence[OperationLetter]) -> None:
    """Print what became of letters, one on a line, up to a hundred; those that have succeeded first."""
    good = [letter for letter in letters if letter.state == LetterResult.SUCCEEDED]
    others = [letter for letter in letters if letter.state != LetterResult.SUCCEEDED][:_MOST_LINES]
    for letter in [*good[: _MOST_LINES - len(others)], *others]:
        name = shown(letter.request or letter.letter, _LONGEST_ID)
        why = f": {letter.why}" if letter.why else ""
        typer.echo(printable(f"{_WORDS[letter.state]}: {name}{why}"))
    if len(letters) > _MOST_LINES:
        typer.echo(f"... and {len(letters) - _MOST_LINES} more; with --json all of them")


def state_line(view: OperationView) -> str:
    """Return how an operation stands, in one sentence."""
    why = f", {view.ended_why}" if view.ended_why else ""
    return f"operation {view.id} is {view.state}{why}: {in_words(view.counts)}"


def in_words(counts: OperationCounts) -> str:
    """Return counts for a person; what is 0 is left out, except what succeeded."""
    found = [f"{counts.succeeded} succeeded"]
    found += [f"{counts.failed} failed again"] if counts.failed else []
    found += [f"{counts.sent} sent, result not known"] if counts.sent else []
    found += [f"{counts.refused} {'stays' if counts.refused == 1 else 'stay'}"] if counts.refused else []
    found += [f"{counts.missing} not there"] if counts.missing else []
    found += [f"{counts.wanted} not sent yet"] if counts.wanted else []
    return ", ".join(found)


def print_operations(views: Sequence[OperationView]) -> None:
    """Print operations as a table."""
    print_table("Operations", COLUMNS, map(_row, views), one_line=_CUT)


def details(view: OperationView) -> Iterator[str]:
    """Yield the lines that tell everything of an operation but its letters."""
    told = {
        "operation": view.id,
        "letters": f"{view.counts.total}: {view.wanted.in_words()}",
        "how": _how(view.options),
        "begun": f"{iso_time(view.created_at)} by {view.by_whom}",
        "why": view.why,
        "incident": view.incident,
        "state": f"{view.state}{f', {view.ended_why}' if view.ended_why else ''}",
        "run by": view.owner,
        "lease": iso_time(view.lease_until) if view.state is OperationState.RUNNING else "",
        "results": in_words(view.counts),
    }
    return (printable(f"{name:<10} {text}") for name, text in told.items() if text)


def _row(view: OperationView) -> tuple[object, ...]:
    whose = (view.id, iso_time(view.created_at)[:16], printable(view.by_whom))
    told = (in_words(view.counts), printable(view.ended_why or view.why))
    return (*whose, view.counts.total, str(view.state), *told)


def _how(options: RedriveOptions) -> str:
    parts = [f"in steps of {', '.join(map(str, options.steps))}, all"] if options.steps else []
    parts += [f"{options.rate:g} a second at most"] if options.rate is not None else []
    parts += [f"until {counted(options.stop_after, 'letter')} failed again"] if options.stop_after is not None else []
    return "; ".join(parts) or "all at once"


def _in_steps(total: int, options: RedriveOptions) -> str:
    sizes = [str(len(step.places)) for step in steps_of(total, options.steps)]
    steps = f", in steps of {', '.join(sizes[:-1])} and {sizes[-1]}" if len(sizes) > 1 else ""
    return f"{counted(total, 'letter')}{steps}"


def _not_found(found: FoundTargets) -> dict[str, Any]:
    return {"missing": found.missing, "unseen": found.unseen, "left": found.left, "streamed": found.streamed}


def _progress_line(progress: RedriveProgress) -> str:
    counts = progress.counts
    at = f"step {progress.step} of {progress.steps}: " if progress.steps > 1 else ""
    if progress.waiting:
        return f"{at}{in_words(counts)}; waiting for what becomes of them"
    left = f", {remaining(progress)}" if progress.remaining else ""
    return f"{at}{counts.handled} of {counts.total} handled, {progress.rate:.1f} a second{left}"


def remaining(progress: RedriveProgress) -> str:
    """Return the estimate of the time that is left."""
    seconds = round(progress.remaining or 0)
    return f"about {format_duration(timedelta(seconds=seconds))} left" if seconds else "less than a second left"
