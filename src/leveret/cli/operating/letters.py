"""The command ``letters``: prints dead letters without consuming them, and changes them."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Final

import typer

from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.operating import letter_options as options
from leveret.cli.operating import letters_looking as looking
from leveret.cli.operating import recording
from leveret.cli.operating.letter_archive import restore, show_archive
from leveret.cli.operating.letter_choice import choosing
from leveret.cli.operating.letter_discard import discard
from leveret.cli.operating.letter_fates import conclude, tell
from leveret.cli.operating.letter_files import export_letters, import_file
from leveret.cli.operating.what_if import MOST_TRIED, show_what_if
from leveret.cli.terminal.option_values import read_option
from leveret.cli.terminal.screen import print_json
from leveret.letters.document import as_document, secrets_of
from leveret.letters.filters import LetterFilter
from leveret.letters.look import MOST_LETTERS, look_at_letters
from leveret.letters.removal import LetterReport, redrive_letters
from leveret.settings import values
from leveret.wire.codec import encode_json

SHOWN: Final = 20
"""Number of letters that are shown by default."""

app = typer.Typer(
    help="Dead letters: requests that were given up. Without a command: print the oldest, and change nothing."
)

app.command("list")(looking.list_letters)
app.command("groups")(looking.list_groups)
app.command("show")(looking.show_letter)
app.command("index")(looking.show_index)
app.command("history")(recording.show_history)
app.command("note")(recording.note_group)
app.command("notes")(recording.show_notes)
app.command("discard")(choosing(discard))
app.command("archive")(choosing(show_archive, named=False))
app.command("restore")(choosing(restore))
app.command("export")(choosing(export_letters))
app.command("import")(import_file)

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of the requests.", show_default=False)]
WhatIf = Annotated[
    bool, typer.Option("--what-if", help="Send nothing: try what would happen with today's code, and undo it.")
]
All = Annotated[bool, typer.Option("--all", help="All letters that are in the queue now.")]


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


@app.command()
def redrive(
    context: typer.Context,
    ids: Ids = None,
    *,
    everything: All = False,
    what_if: WhatIf = False,
    action: options.Action = None,
    version: options.Version = None,
    worker_version: options.WorkerVersion = None,
    code: options.Code = None,
    exception: options.ExceptionName = None,
    place: options.Place = None,
    principal: options.PrincipalOption = None,
    older: options.Older = None,
    newer: options.Newer = None,
    text: options.Text = None,
    group: options.Group = None,
    limit: Annotated[
        int,
        typer.Option(
            metavar="N", parser=read_option("--limit", values.number(1, MOST_TRIED)), help="Letters to try at most."
        ),
    ] = MOST_TRIED,
    as_json: Annotated[bool, typer.Option("--json", help="With --what-if: a JSON object for each letter.")] = False,
    index: options.IndexPath = None,
    why: recording.Why = "",
    incident: recording.Incident = "",
    by: recording.By = "",
) -> None:
    """Send letters again as requests; each request has its effect once, however often it is sent.

    With --all, letters of requests on which workers died stay: name those. What cannot be sent again stays where it
    is, and the reason is told. Exit code 1: some letter stays or is missing.
    """
    settings = load_settings(context)
    wanted = options.wanted_letters(
        ids=ids,
        action=action,
        version=version,
        worker_version=worker_version,
        code=code,
        exception=exception,
        place=place,
        principal=principal,
        older=older,
        newer=newer,
        text=text,
        group=group,
    )
    if wanted.everything != everything:
        both = ", not both" if everything else ""
        raise WrongUse(f"which letters? Name the ids of their requests, or say --all{both}")
    if what_if:
        source = options.letters_source(context, index)
        show_what_if(application(context), settings, source, wanted, most=limit, as_json=as_json)
        return
    if as_json or wanted != LetterFilter(ids=wanted.ids):
        raise WrongUse("--json and the options for which letters are for --what-if")
    redriver = application(context).redriver(settings)

    def send() -> LetterReport:
        return asyncio.run(
            redrive_letters(settings.amqp_url, redriver, ids or None, lambda fate: tell(fate, "sent again"))
        )

    cause = recording.cause_of(by, why, incident)
    conclude(recording.recorded(context, settings, cause, "redrive", ids=ids or None, change=send), "sent again")
