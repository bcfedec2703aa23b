"""The command ``letters edit``: changes the data of letters."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from msgspec import structs

from leveret.amqp import Delivery
from leveret.api import Action
from leveret.cli.calling.pairs import read_pairs
from leveret.cli.calling.text_fields import text_fields
from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.operating import letter_options as options
from leveret.cli.operating import recording
from leveret.cli.operating.letter_fates import conclude, tell
from leveret.cli.terminal.asking import ask_first
from leveret.letters.document import secrets_of
from leveret.letters.edit.editor import EditedLetter, LetterEditor, as_shown
from leveret.letters.edit.patch import Patch, PatchProblem, apply_patch, read_patch
from leveret.letters.filters import LetterFilter
from leveret.letters.index.opening import Source
from leveret.letters.removal import LetterFate, LetterReport
from leveret.operate.edit import EditPlan, Executed, RefusedEdit, plan_edits, replace_letters
from leveret.operate.record import Cause, Records
from leveret.operate.record.details import chosen
from leveret.process.exit_codes import FAILED
from leveret.wire.ids import new_id
from leveret.wire.kept import iso_time
from leveret.wire.letter import LetterEdit
from leveret.wire.limits import LARGEST_REQUEST
from leveret.wire.masking import printable
from leveret.wire.words import counted

_SHOWN: Final = 10
"""Differences that are shown before the question; --dry-run shows all."""

_FIRST_PART: Final = 2
"""Line of a difference at which its first part begins, behind the two names."""

Change = Callable[[Action, Mapping[str, Any]], Any]


def edit(
    context: typer.Context,
    *,
    wanted: LetterFilter,
    patch: Annotated[
        str | None,
        typer.Option(
            "--patch",
            metavar="FILE|JSON",
            show_default=False,
            help="What to change: operations (JSON Patch), or an object to merge into the data (JSON Merge Patch).",
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            show_default=False,
            help="A field of the data, as `call` takes it: name=Ada, age:=36. Several are possible.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show all differences, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    index: options.IndexPath = None,
    why: recording.Why = "",
    incident: recording.Incident = "",
    by: recording.By = "",
) -> None:
    """Change the data of letters: show the difference, ask, and put the edited letter in the place of the former one.

    Each request keeps its id, so only one that was never executed can be edited. The new data has to fit the action.
    The letter says who edited it and why; --why is needed. Exit code 1: a letter stays as it is.
    """
    _check_options(patch, values, why=why, dry_run=dry_run)
    settings, app = load_settings(context), application(context)
    secrets, cause, change = secrets_of(app), recording.cause_of(by, why, incident), _change(patch, values or ())
    keyring = app.keyring(settings, make_secret=False)
    editor, told = LetterEditor(app.redriver(settings), keyring, app, secrets), _told(cause)
    source = options.letters_source(context, index)
    executed = Executed(settings.database_url if app.uses_database(settings) else None, settings.database_pooler)
    plan = _planned(source, wanted, lambda letter: editor.edit(letter, change, told, new_id()), executed)
    _show(plan, secrets, most=len(plan.edits) if dry_run else _SHOWN)
    if dry_run or not plan.edits:
        stay = counted(len(plan.refused), "stays", "stay")
        typer.echo(f"{counted(len(plan.edits), 'letter')} would be edited, {stay}; nothing was changed")
    else:
        queue = source.topology.dead_letters
        if not yes:
            ask_first(f"Edit {counted(len(plan.edits), 'letter')} in {queue}", "Nothing was edited.")
        about = chosen([each.request_id for each in plan.edits]) | {"change": _in_words(patch, values or ())}
        change_all = partial(_replace, source, plan, executed)
        conclude(recording.changed(context, settings, cause, "edit", about=about, change=change_all), "edited")
    _end(plan)


def _check_options(patch: str | None, values: Sequence[str] | None, *, why: str, dry_run: bool) -> None:
    if not (patch or values):
        raise WrongUse("what is to be changed? Say it with --patch or with --set name=value")
    if not (why.strip() or dry_run):
        raise WrongUse("--why is needed: the letter and the history say why it was edited")


def _planned(
    source: Source, wanted: LetterFilter, edited: Callable[[Delivery], EditedLetter], executed: Executed
) -> EditPlan:
    async def run() -> EditPlan:
        return await executed.taken_out(await plan_edits(source, wanted, edited))

    with options.asking_letters():
        return asyncio.run(run())


def _replace(source: Source, plan: EditPlan, executed: Executed, _: Records) -> LetterReport:
    """Replace the letters of a plan, without those whose requests were executed since it was made."""

    async def run() -> LetterReport:
        still = await executed.taken_out(plan)
        _tell_refused(still.refused[len(plan.refused) :])
        report = await replace_letters(source.url, source.topology, still.edits, lambda fate: tell(fate, "edited"))
        return structs.replace(report, kept=report.kept + len(plan.edits) - len(still.edits))

    return asyncio.run(run())


def _told(cause: Cause) -> LetterEdit:
    kept = cause.kept()
    return LetterEdit(iso_time(datetime.now(UTC)), kept.by, kept.why)


def _change(patch: str | None, values: Sequence[str]) -> Change:
    """Return what makes the new data: the patch first, then the fields that are set.

    Raises:
        WrongUse: the patch or a field cannot be read.
    """
    read: Patch = _read_patch(patch) if patch else {}
    _pairs(values, None)

    def change(action: Action, data: Mapping[str, Any]) -> Any:
        changed = apply_patch(read, dict(data))
        if not values:
            return changed
        if not isinstance(changed, dict):
            raise PatchProblem("the patch makes something else of the data than an object, so no field can be set")
        return {**changed, **_pairs(values, action)}

    return change


def _pairs(values: Sequence[str], action: Action | None) -> dict[str, Any]:
    try:
        return read_pairs(values, text_fields(action.input) if action else ())
    except WrongUse as error:
        raise WrongUse(f"--set: {error}") from None


def _read_patch(given: str) -> Patch:
    text = given if given.lstrip()[:1] in ("[", "{") else _read_file(given)
    try:
        return read_patch(text)
    except PatchProblem as error:
        raise WrongUse(f"--patch: {error}") from None


def _read_file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_REQUEST + 1)
    except (OSError, ValueError) as error:  # ValueError: the path holds a NUL
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise WrongUse(f"--patch: {path!r} is neither JSON nor a file that can be read: {why}") from error
    if len(content) > LARGEST_REQUEST:
        raise WrongUse(f"--patch: {path!r} has more than {LARGEST_REQUEST} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise WrongUse(f"--patch: {path!r} is not UTF-8: byte {error.start}") from error


def _in_words(patch: str | None, values: Sequence[str]) -> str:
    """Return how the data was changed, without the values, which may be anything."""
    fields = ", ".join(each.partition("=")[0].rstrip(":") for each in values)
    return " and ".join(filter(None, ["a patch" if patch else "", f"set {printable(fields)}" if fields else ""]))


def _show(plan: EditPlan, secrets: frozenset[str], *, most: int) -> None:
    for each in plan.edits[:most]:
        for line in _difference(each, secrets):
            typer.echo(printable(line))
    if len(plan.edits) > most:
        typer.echo(f"... and {counted(len(plan.edits) - most, 'more letter')}; --dry-run shows all")
    _tell_refused(plan.refused)


def _difference(edit: EditedLetter, secrets: frozenset[str]) -> Iterator[str]:
    """Return the lines that differ, with those around them; dots stand for what is left out between."""
    before, after = (as_shown(data, secrets).decode().split("\n") for data in (edit.before, edit.after))
    named = (f"{edit.request_id} as it is", f"{edit.request_id} edited")
    for number, line in enumerate(difflib.unified_diff(before, after, *named, lineterm="")):
        if not line.startswith("@@"):
            yield line
        elif number > _FIRST_PART:
            yield "..."


def _tell_refused(refused: Sequence[RefusedEdit]) -> None:
    for each in refused:
        tell(LetterFate(each.request_id, each.why), "")


def _end(plan: EditPlan) -> None:
    """Say which letters could not be looked at, and end with 1 if any letter that was meant stays as it is."""
    for missing in plan.missing:
        typer.echo(printable(f"not there: {missing}: no letter with this id was found"))
    for count, what in ((plan.unseen, "of the queue could not be looked through"), (plan.left, "more left out")):
        if count:
            typer.echo(f"{counted(count, 'letter')} {what}.")
    if plan.refused or plan.missing or plan.unseen or plan.left:
        raise typer.Exit(FAILED)
