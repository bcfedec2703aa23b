"""The commands ``letters export`` and ``letters import``."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from msgspec import structs

from leveret.application import Application
from leveret.auth.keyring import Keyring
from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import CommandFailed, WrongUse
from leveret.cli.operating import letter_options as options
from leveret.cli.operating import recording
from leveret.cli.operating.letter_fates import conclude, tell
from leveret.cli.operating.redrive import options as how
from leveret.cli.terminal.asking import ask_first
from leveret.errors import SettingsError
from leveret.letters.export_file import CheckedFile, ExportTrouble, check_export, write_export
from leveret.letters.export_lines import ExportedLetter
from leveret.letters.filters import LetterFilter
from leveret.letters.importing import import_letters, importing_turn, known_in_queue
from leveret.letters.index.opening import Source
from leveret.letters.index.schema import IndexTrouble
from leveret.letters.removal import LetterFate, LetterReport
from leveret.letters.wanted import MOST_WANTED, FoundLetters, find_letters
from leveret.operate.record import Cause, open_records
from leveret.process.exit_codes import FAILED
from leveret.settings import Settings
from leveret.wire.masking import printable
from leveret.wire.words import counted

_MOST_PROBLEMS: Final = 20
"""Lines with problems that are printed; of more there is the number."""

_HOLDS: Final = "It holds what callers wrote, in plain text; only you may read it. Delete it when it has done its work."

File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="The file.", dir_okay=False)]


def export_letters(
    context: typer.Context,
    file: File,
    *,
    wanted: LetterFilter,
    limit: how.Limit = None,
    index: options.IndexPath = None,
    why: recording.Why = "",
    incident: recording.Incident = "",
    by: recording.By = "",
) -> None:
    """Write letters into a new file, whole, to import them elsewhere or later; the queue stays as it is.

    The file holds what callers wrote, in plain text, and only you may read it. Exit code 1: a letter is missing.
    """
    settings, app = load_settings(context, needs_secret=False), application(context)
    with options.asking_letters():
        found = asyncio.run(find_letters(options.letters_source(context, index), wanted, limit or MOST_WANTED))
    if found.none:
        raise CommandFailed(f"{found.none}; no file was written")
    letters = [each for each in found.letters if not (each.left_out or each.unreadable)]
    with open_records(app, settings) as records:
        about = {"file": str(file), "letters": wanted.in_words(), "done": len(letters)}
        records.write(recording.cause_of(by, why, incident), "export", about)
    try:
        count = write_export(file, letters, app.topology(settings).dead_letters)
    except ExportTrouble as error:
        raise WrongUse(str(error)) from error
    typer.echo(f"{counted(count, 'letter')} exported to {printable(str(file))}")
    typer.echo(_HOLDS, err=True)
    unwanted = 0 if limit is None else found.left
    if _tell_missing(structs.replace(found, left=found.left - unwanted), len(found.letters) - count):
        raise typer.Exit(FAILED)


def import_file(
    context: typer.Context,
    file: File,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    index: options.IndexPath = None,
    why: recording.Why = "",
    incident: recording.Incident = "",
    by: recording.By = "",
) -> None:
    """Put the letters of an export into the queue of dead letters, after asking; those that are there stay as they are.

    If anything is wrong with a line, everything that is wrong is told and nothing is imported. Exit code 1: that, or
    the queue did not take a letter.
    """
    source = options.letters_source(context, index)
    try:
        with importing_turn(source):
            _import(context, file, source, recording.cause_of(by, why, incident), yes=yes)
    except IndexTrouble as error:
        raise WrongUse(str(error)) from error


def _import(context: typer.Context, file: Path, source: Source, cause: Cause, *, yes: bool) -> None:
    settings, app = load_settings(context, needs_secret=False), application(context)
    topology = app.topology(settings)
    try:
        known = asyncio.run(known_in_queue(source))
        seen = _Seen(topology.dead_letters, known.keys, _keyring(app, settings))
        checked = check_export(file, seen)
    except ExportTrouble as error:
        raise WrongUse(str(error)) from error
    _refuse(file, checked)
    seen.tell()
    if not known.complete:
        typer.echo(
            "The queue holds too many letters to see all of them: some of these may be there twice then.", err=True
        )
    fresh = checked.letters - seen.there
    if fresh and not yes:
        ask_first(f"Put {counted(fresh, 'letter')} into {topology.dead_letters}", "Nothing was imported.", warning="")

    def told(fate: LetterFate) -> None:
        tell(fate, "imported")

    def change() -> LetterReport:
        try:
            return asyncio.run(import_letters(settings.amqp_url, topology, file, known.keys, told))
        except ExportTrouble as error:
            raise CommandFailed(str(error)) from error

    about = {"file": str(file), "letters": checked.letters}
    report = recording.changed(context, settings, cause, "import", about=about, change=lambda _: change())
    conclude(report, "imported")


class _Seen:
    """Sees the letters of a file, and tells what is to be known of them before they are imported."""

    def __init__(self, queue: str, known: frozenset[str], keyring: Keyring | str) -> None:
        self.there = 0
        self._queue = queue
        self._known = known
        self._keyring = keyring
        self._problems: Counter[str] = Counter()

    def __call__(self, letter: ExportedLetter) -> None:
        if letter.key in self._known:
            self.there += 1
        elif isinstance(self._keyring, Keyring):
            self._problems[letter.seal_problem(self._keyring, self._queue)] += 1

    def tell(self) -> None:
        """Print on standard error what somebody should know first."""
        if self.there:
            typer.echo(f"In the queue already: {counted(self.there, 'letter')}.", err=True)
        if isinstance(self._keyring, str):
            typer.echo(f"Seals are not checked: {self._keyring}", err=True)
        for problem, count in self._problems.items():
            if problem:
                typer.echo(printable(f"Cannot be sent again, {problem}: {counted(count, 'letter')}."), err=True)


def _keyring(app: Application[Any], settings: Settings) -> Keyring | str:
    try:
        return app.keyring(settings, make_secret=False)
    except SettingsError as error:
        return str(error)


def _refuse(file: Path, checked: CheckedFile) -> None:
    if not checked.problems:
        return
    for problem in checked.problems[:_MOST_PROBLEMS]:
        typer.echo(printable(f"line {problem.line}: {problem.text}"), err=True)
    more = len(checked.problems) - _MOST_PROBLEMS
    behind = f", {more} of them not shown" if more > 0 else ""
    problems = counted(len(checked.problems), "line")
    raise CommandFailed(f"{file}: {problems} cannot be imported{behind}; nothing was imported")


def _tell_missing(found: FoundLetters, too_large: int) -> bool:
    for missing in found.missing:
        typer.echo(printable(f"not there: {missing}: no letter with this id was found"))
    told = {
        "of the queue could not be looked through": found.unseen,
        f"more left out, because {MOST_WANTED:,} is the most": found.left,
        "left out, because the body is too large or the properties cannot be read": too_large,
    }
    for what, count in told.items():
        if count:
            typer.echo(f"{counted(count, 'letter')} {what}.")
    return bool(found.missing) or any(told.values())
