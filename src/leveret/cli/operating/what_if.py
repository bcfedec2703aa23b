"""What ``letters redrive --what-if`` shows: what would become of letters, in a table or as JSON lines."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from leveret.application import Application
from leveret.cli.ending.endings import CommandFailed
from leveret.cli.operating.letter_options import asking_letters
from leveret.cli.terminal.screen import print_table
from leveret.letters.filters import LetterFilter
from leveret.letters.index.opening import Source
from leveret.letters.wanted import MOST_WANTED, FoundLetters, find_letters
from leveret.operate.what_if import PredictedEnd, PredictedGroup, Prediction, grouped
from leveret.operate.what_if.trying import TrialFailed, try_letters
from leveret.process.exit_codes import FAILED
from leveret.process.interrupts import interruptible
from leveret.settings import Settings
from leveret.wire.codec import encode_json
from leveret.wire.masking import printable
from leveret.wire.words import counted

ENDS: Final = {
    PredictedEnd.SUCCEEDS: "would succeed",
    PredictedEnd.ANSWERED: "would be answered with an error",
    PredictedEnd.FAILS: "would fail again",
    PredictedEnd.DONE: "done already",
    PredictedEnd.REFUSED: "cannot be sent again",
    PredictedEnd.NOT_RUN: "not tried",
    PredictedEnd.UNKNOWN: "not known",
}
"""What is predicted, in words."""

_GOOD: Final = frozenset({PredictedEnd.SUCCEEDS, PredictedEnd.DONE})


def show_what_if(
    app: Application[Any],
    settings: Settings,
    source: Source,
    wanted: LetterFilter,
    *,
    most: int = MOST_WANTED,
    as_json: bool = False,
) -> None:
    """Try letters, print what would become of them if they were sent again now, and change nothing.

    Args:
        app: the application.
        settings: its settings.
        source: the broker, and the file of the index.
        wanted: which letters.
        most: how many at most, the oldest ones.
        as_json: print a JSON object for each letter, as soon as it is tried, and then one for all together.

    Raises:
        BrokerTrouble, SettingsError, StorageUnavailable: the letters cannot be looked at, or not be tried.
        CommandFailed: lifespan or resources cannot be opened, or no letter meets the conditions.
        typer.Exit: with 1: some letter would not succeed, is missing or was not seen.
    """
    with asking_letters():
        found = asyncio.run(find_letters(source, wanted, most))
    if found.none:
        raise CommandFailed(found.none)
    predictions: list[Prediction] = []
    try:
        with interruptible(), closing(try_letters(app, settings, found.letters, named=bool(wanted.ids))) as tried:
            for prediction in _with_progress(tried, len(found.letters)):
                predictions.append(prediction)
                if as_json:
                    _print_line(encode_json(prediction))
    except TrialFailed as error:
        raise CommandFailed(str(error)) from error
    groups = grouped(predictions)
    if as_json:
        about = {"missing": found.missing, "unseen": found.unseen, "left": found.left, "groups": groups}
        _print_line(encode_json({"type": "summary", "letters": len(predictions), **about}))
    else:
        _print(groups, found)
    if found.missing or found.unseen or found.left or any(group.end not in _GOOD for group in groups):
        raise typer.Exit(FAILED)


def _print(groups: Sequence[PredictedGroup], found: FoundLetters) -> None:
    for missing in found.missing:
        typer.echo(printable(f"not there: {missing}: no letter with this id was found"))
    if groups:
        _print_groups(groups, len(found.letters))
    else:
        typer.echo("There are no letters to try.")
    if found.left:
        typer.echo(f"{counted(found.left, 'more letter')} left out, because of --limit.")
    if found.unseen:
        typer.echo(f"{counted(found.unseen, 'letter')} of the queue could not be looked through.")


def _print_groups(groups: Sequence[PredictedGroup], count: int) -> None:
    rows = [[group.count, ENDS[group.end], printable(group.action), printable(_why(group))] for group in groups]
    print_table("What would happen", ["letters", "what", "action", "why"], rows)
    typer.echo(f"{counted(count, 'letter')} tried, each alone against the database as it is; nothing was changed.")


def _why(group: PredictedGroup) -> str:
    """Return why, with the place; the exception's name stands in the sentence already."""
    if group.end is PredictedEnd.DONE:
        return group.why or "its stored response is the answer"
    code = group.code if group.end is PredictedEnd.ANSWERED else ""
    return " ".join(filter(None, [f"{code}:" if code else "", group.why, f"at {group.place}" if group.place else ""]))


def _with_progress(tried: Iterable[Prediction], total: int) -> Iterator[Prediction]:
    """Show on a terminal how many letters are tried."""
    console = Console(stderr=True)
    columns = (TextColumn("trying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        for prediction in tried:
            progress.advance(task)
            yield prediction


def _print_line(text: bytes) -> None:
    sys.stdout.buffer.write(msgspec.json.format(text, indent=-1) + b"\n")  # JSON is UTF-8 in every locale
