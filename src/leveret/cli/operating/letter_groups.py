"""The commands ``letters groups``, ``note`` and ``notes``: which failures there are, and how far each is dealt with."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
import typer

from leveret.broker.connecting import BrokerTrouble
from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.operating import letter_options as options
from leveret.cli.operating import recording
from leveret.cli.operating.letter_rows import CUT, GROUP_COLUMNS, as_line, group_row, short_group
from leveret.cli.operating.letters_looking import ask_index
from leveret.cli.terminal.screen import make_console, print_json, print_table
from leveret.errors import SettingsError, StorageFailed, StorageUnavailable
from leveret.letters.fingerprint import LENGTH
from leveret.letters.index.records import LetterGroup
from leveret.operate.record.opening import noted_groups
from leveret.operate.record.records import GroupState, names_group
from leveret.sql.audit_rows import GroupNote
from leveret.wire.codec import encode_json
from leveret.wire.kept import iso_time
from leveret.wire.masking import printable

_WIDE: Final = 100
_LEFT_OUT: Final = ("first", "versions")
"""Columns that are left out where the terminal is narrower than that."""

_NOT_KNOWN: Final = "?"
"""The state of a group while nobody can ask the database."""


def list_groups(
    context: typer.Context,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also groups of which no letter is in the queue.")] = False,
    json: options.AsJson = False,
    index: options.IndexPath = None,
) -> None:
    """Print the failures of the letters: same action, same error, same file, with counts; the largest first.

    Each has its state, and what `letters note` noted of it. Without the database these two are left out.
    """
    found = ask_index(options.letters_source(context, index), lambda found: found.index.groups())
    groups = [group for group in found if group.present or everything]
    notes = _notes(context) if groups else {}
    if json or not sys.stdout.isatty():
        for group in groups:
            print_json(as_line(group, _dealt_with(group, notes)))
    elif groups:
        columns = [name for name in GROUP_COLUMNS if make_console().width >= _WIDE or name not in _LEFT_OUT]
        rows = [dict(zip(GROUP_COLUMNS, group_row(group, _state(group, notes)), strict=True)) for group in groups]
        print_table("Groups of letters", columns, [[row[name] for name in columns] for row in rows], one_line=CUT)
        for note in _of_groups(groups, notes):
            about = f"{note.state}, {note.by_whom}, {iso_time(note.at)[:16]}"
            typer.echo(printable(f"{short_group(note.fingerprint)} ({about}): {note.note}"))
    else:
        typer.echo("There are no letters.")


def note_group(
    context: typer.Context,
    group: Annotated[
        str, typer.Argument(metavar="GROUP", help="The group as `letters groups` names it, or the beginning of that.")
    ],
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="The note.", show_default=False)] = "",
    *,
    state: Annotated[GroupState, typer.Option(help="How far it has been dealt with.")] = GroupState.LOOKED_AT,
    incident: recording.Incident = "",
    index: options.IndexPath = None,
    by: recording.By = "",
) -> None:
    """Note something of a group of letters, in place of what was noted; the history keeps that."""
    if not names_group(group):
        raise WrongUse(f"{group!r} is not a group: `letters groups` names them")
    name = group if len(group) == LENGTH else _whole(context, group, index)
    cause = recording.cause_of(by, "", incident)
    note = recording.with_records(context, lambda records: records.note(cause, name, state, text))
    typer.echo(printable(f"{note.fingerprint} is {note.state}: {note.note}"))


def show_notes(context: typer.Context) -> None:
    """Print what is noted of groups of letters, one JSON object each."""
    for note in recording.with_records(context, lambda records: list(records.notes().values())):
        print_json(encode_json(msgspec.to_builtins(note) | {"at": iso_time(note.at)}))


def _whole(context: typer.Context, beginning: str, index: options.IndexPath) -> str:
    """Return the fingerprint of the only group that begins so.

    Raises:
        WrongUse: there is none, or there are several.
        BrokerTrouble: nobody can tell.
    """
    try:
        groups = ask_index(options.letters_source(context, index), lambda found: found.index.groups())
    except BrokerTrouble as error:
        text = f"{error}: without it a group is known by its whole name of {LENGTH} characters only"
        raise BrokerTrouble(text) from error
    found = [group.fingerprint for group in groups if group.fingerprint.startswith(beginning)]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} groups begin" if found else "no group begins"
    raise WrongUse(f"{what} with {beginning!r}: `letters groups --all` names them")


def _notes(context: typer.Context) -> Mapping[str, GroupNote] | None:
    """Return what is noted of groups; None, and a line that says so, if the database cannot be asked."""
    try:
        return noted_groups(application(context), load_settings(context, needs_secret=False))
    except (SettingsError, StorageUnavailable, StorageFailed) as error:
        typer.echo(printable(f"How far groups are dealt with is not known: {error}"), err=True)
        return None


def _state(group: LetterGroup, notes: Mapping[str, GroupNote] | None) -> str:
    if notes is None:
        return _NOT_KNOWN
    note = notes.get(group.fingerprint)
    return note.state if note else GroupState.OPEN


def _dealt_with(group: LetterGroup, notes: Mapping[str, GroupNote] | None) -> dict[str, object]:
    if notes is None:
        return {"state": None, "note": None, "noted_by": None, "noted_at": None}
    note = notes.get(group.fingerprint)
    told = (note.note, note.by_whom, iso_time(note.at)) if note else ("", None, None)
    return {"state": _state(group, notes), **dict(zip(("note", "noted_by", "noted_at"), told, strict=True))}


def _of_groups(groups: Sequence[LetterGroup], notes: Mapping[str, GroupNote] | None) -> list[GroupNote]:
    found = ((notes or {}).get(group.fingerprint) for group in groups)
    return [note for note in found if note and note.note]
