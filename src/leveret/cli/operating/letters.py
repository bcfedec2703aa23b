"""The command ``letters``: prints dead letters without consuming them, sends them again, or discards them."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Final

import typer

from leveret.broker.queues import report_queues
from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.operating import letter_options as options
from leveret.cli.operating import letters_looking as looking
from leveret.cli.operating import recording
from leveret.cli.operating.what_if import MOST_TRIED, show_what_if
from leveret.cli.terminal.asking import ask_first
from leveret.cli.terminal.option_values import read_option
from leveret.cli.terminal.screen import print_json
from leveret.letters.document import as_document, secrets_of
from leveret.letters.filters import LetterFilter
from leveret.letters.look import MOST_LETTERS, look_at_letters
from leveret.letters.removal import LetterFate, LetterReport, discard_letters, redrive_letters
from leveret.process.exit_codes import FAILED
from leveret.settings import values
from leveret.topology import Topology
from leveret.wire.codec import encode_json
from leveret.wire.masking import printable, shown
from leveret.wire.words import counted

SHOWN: Final = 20
"""Number of letters that are shown by default."""

LONGEST_ID: Final = 128
"""Characters of an id that are shown; the id of a request is never longer."""

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
    _conclude(recording.recorded(context, settings, cause, "redrive", ids=ids or None, change=send), "sent again")


@app.command()
def discard(
    context: typer.Context,
    ids: Ids = None,
    *,
    everything: All = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    why: recording.Why = "",
    incident: recording.Incident = "",
    by: recording.By = "",
) -> None:
    """Drop letters for good, after asking. Exit code 1: a letter was not found."""
    settings = load_settings(context, needs_secret=False)
    wanted, topology = _wanted(ids, everything=everything), application(context).topology(settings)
    if not yes:
        what = _all(settings.amqp_url, topology) if wanted is None else _named(settings.amqp_url, topology, wanted)
        ask_first(f"Drop {what} in {topology.dead_letters}", "Nothing was discarded.")

    def drop() -> LetterReport:
        return asyncio.run(discard_letters(settings.amqp_url, topology, wanted, lambda fate: tell(fate, "discarded")))

    cause = recording.cause_of(by, why, incident)
    _conclude(recording.recorded(context, settings, cause, "discard", ids=wanted, change=drop), "discarded")


def tell(fate: LetterFate, done: str) -> None:
    """Print on one line what became of a letter; its id may be a stranger's text."""
    name = shown(fate.id, LONGEST_ID) if fate.id else "(without an id)"
    typer.echo(printable(f"stays: {name}: {fate.kept}" if fate.kept else f"{done}: {name}"))


def _wanted(ids: list[str] | None, *, everything: bool) -> list[str] | None:
    if bool(ids) == everything:
        both = ", not both" if everything else ""
        raise WrongUse(f"which letters? Name the ids of their requests, or say --all{both}")
    return ids or None


def _all(url: str, topology: Topology) -> str:
    reports = asyncio.run(report_queues(url, topology))
    count = sum(report.messages or 0 for report in reports if report.name == topology.dead_letters)
    return "the only letter" if count == 1 else f"all {count} letters"


def _named(url: str, topology: Topology, ids: list[str]) -> str:
    """Look how many letters have one of these ids; if none has, say so and end the command."""
    letters = asyncio.run(look_at_letters(url, topology, MOST_LETTERS))
    count = sum(letter.request_id in ids for letter in letters)
    if not count:
        _conclude(LetterReport(0, 0, tuple(dict.fromkeys(ids)), len(letters) < MOST_LETTERS), "discarded")
    return counted(count, "letter")


def _conclude(report: LetterReport, done: str) -> None:
    for missing in report.missing:
        where = "in the queue" if report.complete else "among those that were seen"
        typer.echo(printable(f"not there: {missing}: no letter with this id is {where}"))
    typer.echo(f"{report.done} {done}, {report.kept} {'stays' if report.kept == 1 else 'stay'}")
    if not report.complete:
        typer.echo(
            f"Not all letters were seen: more than {MOST_LETTERS:,} stay, somebody else holds some, "
            "or the queue of requests takes nothing more."
        )
    if report.kept or report.missing or not report.complete:
        raise typer.Exit(FAILED)
