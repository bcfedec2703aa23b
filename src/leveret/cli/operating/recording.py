"""Puts on record who changes letters and why, and prints the record."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
import typer

from leveret.cli.context import application, load_settings
from leveret.cli.operating import letter_options as options
from leveret.cli.terminal.option_values import read_option
from leveret.cli.terminal.screen import print_json, print_table
from leveret.errors import LeveretError, StorageFailed, StorageUnavailable
from leveret.letters.removal import LetterReport
from leveret.operate.record import Cause, Records, open_records, who_am_i
from leveret.operate.record.details import counts
from leveret.operate.record.records import MOST_ENTRIES
from leveret.settings import Settings, values
from leveret.sql.audit_rows import AuditEntry
from leveret.wire.codec import encode_json
from leveret.wire.kept import iso_time
from leveret.wire.masking import printable

T = TypeVar("T")

SHOWN: Final = 50
"""Entries that are shown by default."""

_HOW: Final = "On record"

Why: TypeAlias = Annotated[
    str, typer.Option(metavar="TEXT", help="The reason.", show_default=False, rich_help_panel=_HOW)
]
Incident: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", help="The incident to which this belongs.", rich_help_panel=_HOW)
]
By: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", help="Who does it. Default: user@host.", show_default=False, rich_help_panel=_HOW)
]


def cause_of(by: str, why: str, incident: str) -> Cause:
    """Return who does something and why, by the options of a command."""
    return Cause(by=by or who_am_i(), why=why, incident=incident)


def changed(
    context: typer.Context,
    settings: Settings,
    cause: Cause,
    what: str,
    *,
    about: Mapping[str, Any],
    change: Callable[[Records], LetterReport],
) -> LetterReport:
    """Change letters, with an entry in the audit before it and one with the counts behind it.

    Args:
        context: of the command.
        settings: the application's settings.
        cause: who, and why.
        what: one word for the change; the second entry has ``_ended`` behind it.
        about: what the first entry says of the letters.
        change: does it; nothing is changed if the first entry cannot be written.

    Raises:
        SettingsError, StorageUnavailable, StorageFailed: the entry cannot be written.
        LeveretError: what the change raised; that is on record then, if the database still answers.
    """
    with open_records(application(context), settings) as records:
        records.write(cause, what, about)
        try:
            report = change(records)
        except LeveretError as error:
            with (
                suppress(StorageUnavailable, StorageFailed) if isinstance(error, StorageUnavailable) else nullcontext()
            ):
                records.write(cause, f"{what}_ended", {"error": str(error)})
            raise
        records.write(cause, f"{what}_ended", counts(report))
        return report


def show_history(
    context: typer.Context,
    *,
    most: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=read_option("--most", values.number(1, MOST_ENTRIES)),
            help="Entries to show, the newest.",
        ),
    ] = SHOWN,
    incident: Annotated[str, typer.Option(metavar="NAME", help="Only those of this incident.")] = "",
    as_json: options.AsJson = False,
) -> None:
    """Print who changed letters, when and why, the newest change first; nobody can change that by our commands."""
    entries = with_records(context, lambda records: records.history(most, incident=incident))
    if as_json or not sys.stdout.isatty():
        for entry in entries:
            print_json(_as_line(entry))
    elif entries:
        print_table("History", ("at", "who", "what", "why", "incident", "details"), map(_row, entries))
    else:
        typer.echo("Nothing is on record.")


def with_records(context: typer.Context, ask: Callable[[Records], T]) -> T:
    """Open the records for a question, and return the answer.

    Raises:
        SettingsError, StorageUnavailable, StorageFailed: they cannot be read or written.
    """
    with open_records(application(context), load_settings(context, needs_secret=False)) as records:
        return ask(records)


def _as_line(entry: AuditEntry) -> bytes:
    fields = {name: getattr(entry, name) for name in ("id", "by_whom", "what", "why", "incident", "operation")}
    return encode_json({"at": iso_time(entry.at), **fields, "details": msgspec.json.decode(entry.details_json)})


def _row(entry: AuditEntry) -> tuple[str, ...]:
    details = printable(json.dumps(msgspec.json.decode(entry.details_json), ensure_ascii=False))
    return (iso_time(entry.at)[:19], entry.by_whom, entry.what, entry.why, entry.incident, details)
