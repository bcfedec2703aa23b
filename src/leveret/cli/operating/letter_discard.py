"""The command ``letters discard``: moves letters to the archive, or drops them for good."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from leveret.broker.queues import report_queues
from leveret.cli.context import application, load_settings
from leveret.cli.operating import letter_options as options
from leveret.cli.operating import recording
from leveret.cli.operating.letter_fates import conclude, tell
from leveret.cli.terminal.asking import ask_first
from leveret.letters.choice import Choice, choose
from leveret.letters.document import secrets_of
from leveret.letters.filters import LetterFilter
from leveret.letters.keeping import LetterKeeper
from leveret.letters.look import MOST_LETTERS, look_at_messages_of
from leveret.letters.removal import LetterFate, LetterReport, discard_letters
from leveret.operate.archive import Archive
from leveret.operate.archive import discard as move_to_archive
from leveret.operate.record import Records
from leveret.operate.record.details import chosen as listed
from leveret.process.durations import format_duration
from leveret.topology import Topology
from leveret.wire.words import counted

FOR_GOOD = "This cannot be undone."


def discard(
    context: typer.Context,
    *,
    wanted: LetterFilter,
    for_good: Annotated[
        bool, typer.Option("--for-good", help="Do not archive them: nothing brings them back.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    index: options.IndexPath = None,
    why: recording.Why = "",
    incident: recording.Incident = "",
    by: recording.By = "",
) -> None:
    """Move letters to the archive, after asking; `letters restore` brings them back for 30 days.

    ARCHIVE_AGE says how long. Exit code 1: a letter stays, or was not found.
    """
    settings, app = load_settings(context, needs_secret=False), application(context)
    topology, choice = app.topology(settings), chosen(context, wanted, index)
    if not yes:
        what = _what(settings.amqp_url, topology, choice)
        age = format_duration(settings.archive_age)
        if for_good:
            ask_first(f"Drop {what} in {topology.dead_letters} for good", "Nothing was discarded.")
        else:
            ask_first(
                f"Move {what} in {topology.dead_letters} to the archive, which keeps them for {age}",
                "Nothing was discarded.",
                warning="",
            )
    cause = recording.cause_of(by, why, incident)

    def told(fate: LetterFate) -> None:
        tell(fate, "discarded")

    def change(records: Records) -> LetterReport:
        if for_good:
            return asyncio.run(discard_letters(settings.amqp_url, topology, choice, told))
        archive = Archive(records.store, settings.archive_age)
        tell_forgotten(records, archive)
        keeper = LetterKeeper(secrets_of(app))
        return asyncio.run(
            move_to_archive(settings.amqp_url, topology, choice, archive, keeper, cause=cause, tell=told)
        )

    what = "discard_for_good" if for_good else "discard"
    report = recording.changed(context, settings, cause, what, about=about(choice, wanted), change=change)
    conclude(report, "discarded")


def chosen(context: typer.Context, wanted: LetterFilter, index: options.IndexPath) -> Choice:
    """Find out which letters of the queue a command means.

    Raises:
        WrongUse: the index cannot be used, or the text of the filter cannot be searched.
        CommandFailed: no letter meets the conditions.
    """
    with options.asking_letters():
        return asyncio.run(choose(options.letters_source(context, index), wanted))


def about(choice: Choice, wanted: LetterFilter) -> dict[str, object]:
    """Return what the audit says of the letters that were chosen."""
    told = listed(choice.ids)
    return told if choice.keys is None else {"letters": wanted.in_words(), "named": len(choice.keys)}


def tell_forgotten(records: Records, archive: Archive) -> None:
    """Remove what is too old for the archive, put that on record, and say so."""
    if count := archive.forget():
        age = format_duration(archive.age)
        records.write(recording.cause_of("", f"older than {age}", ""), "archive_forgotten", {"done": count})
        typer.echo(f"{counted(count, 'letter')} discarded more than {age} ago left the archive for good.", err=True)


def _what(url: str, topology: Topology, choice: Choice) -> str:
    """Say how many letters are meant; if none of those that are named is there, say so and end the command."""
    if choice == Choice():
        reports = asyncio.run(report_queues(url, topology))
        count = sum(report.messages or 0 for report in reports if report.name == topology.dead_letters)
        return "the only letter" if count == 1 else f"all {count} letters"
    letters = asyncio.run(look_at_messages_of(url, topology, MOST_LETTERS))
    count = sum(map(choice.takes, letters))
    if not count:
        conclude(LetterReport(0, 0, choice.missing(frozenset()), len(letters) < MOST_LETTERS), "discarded")
        raise typer.Exit
    return counted(count, "letter")
