"""How it is printed what became of letters that a command changed."""

from __future__ import annotations

from typing import Final

import typer

from leveret.letters.removal import LetterFate, LetterReport
from leveret.letters.walk import MOST_HELD
from leveret.process.exit_codes import FAILED
from leveret.wire.masking import printable, shown

LONGEST_ID: Final = 128
"""Characters of an id that are shown; the id of a request is never longer."""


def tell(fate: LetterFate, done: str) -> None:
    """Print on one line what became of a letter; its id may be a stranger's text."""
    name = shown(fate.id, LONGEST_ID) if fate.id else "(without an id)"
    typer.echo(printable(f"stays: {name}: {fate.kept}" if fate.kept else f"{done}: {name}"))


def conclude(report: LetterReport, done: str, *, where: str = "in the queue") -> None:
    """Print how many letters were changed, and end the command with 1 unless all were.

    Args:
        report: what became of them.
        done: what was done with them.
        where: they should have been.
    """
    for missing in report.missing:
        place = where if report.complete else "among those that were seen"
        typer.echo(printable(f"not there: {missing}: no letter with this id is {place}"))
    typer.echo(f"{report.done} {done}, {report.kept} {'stays' if report.kept == 1 else 'stay'}")
    if not report.complete:
        typer.echo(
            f"Not all letters were seen: more than {MOST_HELD:,} stay, somebody else holds some, "
            "or the queue of requests takes nothing more."
        )
    if report.kept or report.missing or not report.complete:
        raise typer.Exit(FAILED)
