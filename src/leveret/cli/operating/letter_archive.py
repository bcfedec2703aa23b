"""The commands ``letters archive`` and ``letters restore``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import typer
from msgspec import structs

from leveret.application import Application
from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import CommandFailed, WrongUse
from leveret.cli.operating import letter_options as options
from leveret.cli.operating import recording
from leveret.cli.operating.letter_discard import tell_forgotten
from leveret.cli.operating.letter_fates import conclude, tell
from leveret.cli.operating.redrive import options as how
from leveret.cli.terminal.screen import print_json, print_table
from leveret.letters.choice import Choice
from leveret.letters.document import secrets_of
from leveret.letters.filters import LetterFilter
from leveret.letters.portable import NotPortable
from leveret.letters.removal import LetterFate, LetterReport
from leveret.letters.unmatched import NoSuchLetters
from leveret.operate.archive import Archive
from leveret.operate.archive import restore as bring_back
from leveret.operate.archive.finding import find_in_archive
from leveret.operate.record import Records, open_records
from leveret.operate.record.details import chosen
from leveret.sql.archive_rows import ArchivedLetter
from leveret.wire.codec import encode_json
from leveret.wire.kept import iso_time
from leveret.wire.masking import printable
from leveret.wire.words import counted

_COLUMNS: Final = ("discarded", "request", "action", "by", "why", "incident", "what")
_CUT: Final = ("action", "why", "incident", "what")


def show_archive(
    context: typer.Context, *, wanted: LetterFilter, limit: how.Limit = None, as_json: options.AsJson = False
) -> None:
    """Print the letters that were discarded and can be brought back, as a table or as JSON lines.

    What is older than ARCHIVE_AGE leaves the archive first.
    """
    settings, app = load_settings(context, needs_secret=False), application(context)
    with open_records(app, settings) as records:
        archive = Archive(records.store, settings.archive_age)
        tell_forgotten(records, archive)
        try:
            found = _find(archive, wanted, app)[:limit]
        except NoSuchLetters as error:
            typer.echo(printable(str(error)), err=True)
            return
    if as_json or not sys.stdout.isatty():
        for letter in found:
            print_json(_as_line(letter))
    elif found:
        print_table("Archive", _COLUMNS, map(_row, found), one_line=_CUT)
    else:
        typer.echo("There are no discarded letters.")


def restore(
    context: typer.Context,
    *,
    wanted: LetterFilter,
    why: recording.Why = "",
    incident: recording.Incident = "",
    by: recording.By = "",
) -> None:
    """Bring discarded letters back to the queue of dead letters, as they were, behind all that lie there.

    Exit code 1: a letter stays in the archive, or is not there.
    """
    settings, app = load_settings(context, needs_secret=False), application(context)
    topology, cause = app.topology(settings), recording.cause_of(by, why, incident)

    def change(records: Records) -> LetterReport:
        archive = Archive(records.store, settings.archive_age)
        tell_forgotten(records, archive)
        found = _find(archive, wanted, app)
        try:
            report = asyncio.run(bring_back(settings.amqp_url, topology, found, archive, told))
        except NotPortable as error:
            raise _changed_row(error) from error
        names = {name for each in found for name in (each.letter, each.request)}
        return structs.replace(report, missing=Choice(ids=wanted.ids).missing(names))

    def told(fate: LetterFate) -> None:
        tell(fate, "restored")

    named = {"letters": wanted.in_words()} if wanted.ids == () else chosen(wanted.ids)
    try:
        report = recording.changed(context, settings, cause, "restore", about=named, change=change)
    except NoSuchLetters as error:
        raise CommandFailed(str(error)) from error
    conclude(report, "restored", where="in the archive")


def _find(archive: Archive, wanted: LetterFilter, app: Application[Any]) -> list[ArchivedLetter]:
    try:
        return find_in_archive(archive, wanted, secrets_of(app))
    except NotPortable as error:
        raise _changed_row(error) from error
    except ValueError as error:
        raise WrongUse(f"--{error}") from error


def _changed_row(error: NotPortable) -> CommandFailed:
    return CommandFailed(f"a row of the archive cannot be read, because somebody changed it: {error}")


def _as_line(letter: ArchivedLetter) -> bytes:
    return encode_json(msgspec.to_builtins(letter) | {"at": iso_time(letter.at)})


def _row(letter: ArchivedLetter) -> Sequence[object]:
    what = "" if letter.whole else "without its secrets"
    facts = (letter.request, letter.action, letter.by_whom, letter.why, letter.incident)
    return (iso_time(letter.at)[:16].replace("T", " "), *map(printable, facts), what or counted(letter.size, "byte"))
