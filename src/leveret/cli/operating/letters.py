"""The command ``letters``: prints dead letters without consuming them, and changes them."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Final

import typer

from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.operating import letter_groups as groups
from leveret.cli.operating import letters_looking as looking
from leveret.cli.operating import recording
from leveret.cli.operating.letter_archive import restore, show_archive
from leveret.cli.operating.letter_choice import choosing
from leveret.cli.operating.letter_discard import discard
from leveret.cli.operating.letter_edit import edit
from leveret.cli.operating.letter_files import export_letters, import_file
from leveret.cli.operating.redrive.command import redrive
from leveret.cli.operating.redrive.operations import pause, resume, show_operations
from leveret.cli.terminal.option_values import read_option
from leveret.cli.terminal.screen import print_json
from leveret.letters.document import as_document, secrets_of
from leveret.letters.look import MOST_LETTERS, look_at_letters
from leveret.settings import values
from leveret.wire.codec import encode_json

SHOWN: Final = 20
"""Number of letters that are shown by default."""

app = typer.Typer(
    help="Dead letters: requests that were given up. Without a command: print the oldest, and change nothing."
)

app.command("list")(choosing(looking.list_letters, named=False))
app.command("groups")(groups.list_groups)
app.command("show")(looking.show_letter)
app.command("index")(looking.show_index)
app.command("history")(recording.show_history)
app.command("note")(groups.note_group)
app.command("notes")(groups.show_notes)
app.command("redrive")(choosing(redrive))
app.command("operations")(show_operations)
app.command("resume")(resume)
app.command("pause")(pause)
app.command("discard")(choosing(discard))
app.command("archive")(choosing(show_archive, named=False))
app.command("restore")(choosing(restore))
app.command("export")(choosing(export_letters))
app.command("import")(import_file)
app.command("edit")(choosing(edit))


@app.callback(invoke_without_command=True)
def letters(
    context: typer.Context,
    *,
    most: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=read_option("--most", values.number(1, MOST_LETTERS)),
            help=f"Letters to show, the oldest ones, up to {MOST_LETTERS}. Default: {SHOWN}.",
        ),
    ] = None,
) -> None:
    """Print dead letters, oldest first, one JSON object each; all of them stay in the queue as they are."""
    if context.invoked_subcommand is not None:
        if most is not None:
            raise WrongUse(f"--most is for looking, not for {context.invoked_subcommand}")
        return
    settings, app = load_settings(context, needs_secret=False), application(context)
    letters = asyncio.run(look_at_letters(settings.amqp_url, app.topology(settings), most or SHOWN))
    if not letters and sys.stdout.isatty():
        typer.echo("There are no dead letters.")
    for letter in letters:
        print_json(encode_json(as_document(letter, secrets_of(app))))
