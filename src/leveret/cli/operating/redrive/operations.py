"""The commands ``letters operations``, ``resume`` and ``pause``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import CommandFailed
from leveret.cli.operating import letter_options as options
from leveret.cli.operating import recording
from leveret.cli.operating.redrive import options as how
from leveret.cli.operating.redrive.lines import (
    UNSETTLED,
    Told,
    as_object,
    details,
    letter_object,
    line,
    print_letters,
    print_operations,
    state_line,
)
from leveret.cli.operating.redrive.running import carry_out, system_of
from leveret.cli.terminal.option_values import read_option
from leveret.operate.operations import LetterResult, OperationTrouble, open_operations
from leveret.settings import values
from leveret.wire.masking import printable

SHOWN = 20
"""Operations that are shown by default."""

_MOST_SHOWN = 10_000

Id = Annotated[str, typer.Argument(metavar="OPERATION", help="The id of the operation, or the beginning of it.")]


def show_operations(
    context: typer.Context,
    operation: Annotated[
        str, typer.Argument(metavar="[OPERATION]", help="Everything of this one.", show_default=False)
    ] = "",
    *,
    most: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=read_option("--most", values.number(1, _MOST_SHOWN)),
            help="Operations to show, the newest.",
        ),
    ] = SHOWN,
    json: options.AsJson = False,
) -> None:
    """Print operations, the newest first, or everything of one: how it stands, and what became of its letters."""
    settings = load_settings(context, needs_secret=False)
    as_json = json or not sys.stdout.isatty()
    with open_operations(application(context), settings) as operations:
        if not operation:
            found = operations.recent(most)
        else:
            try:
                found = [operations.find(operation)]
            except OperationTrouble as error:
                raise CommandFailed(str(error)) from error
        states = () if as_json else (*UNSETTLED, LetterResult.SENDING)
        letters = operations.letters(found[0].id, states) if operation else ()
    if as_json:
        for view in found:
            line({"type": "operation", **as_object(view)})
        for letter in letters:
            line(letter_object(letter))
    elif operation:
        typer.echo("\n".join(details(found[0])))
        print_letters(letters)
    elif found:
        print_operations(found)
    else:
        typer.echo("There are no operations.")


def resume(
    context: typer.Context,
    operation: Id,
    *,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Also if somebody else runs it at the moment; that one stops.")
    ] = False,
    rate: how.Rate = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines instead of text.")] = False,
    index: options.IndexPath = None,
    by: recording.By = "",
) -> None:
    """Go on with an operation that was paused, has stopped, or whose process was killed.

    Letters of a killed process that may have been sent are sent again if they are still in the queue; their requests
    have their effect once. After a stop because letters failed again, these failures are accepted. Another --rate holds
    for this time. Exit code 1: as with redrive, or there is no such operation, it is done, or somebody else runs it.
    """
    cause = recording.cause_of(by, "", "")
    carry_out(system_of(context, index), operation, cause, Told(as_json=as_json), take_over=take_over, rate=rate)


def pause(context: typer.Context, operation: Id, *, by: recording.By = "") -> None:
    """Pause an operation that runs somewhere; it stops within seconds. Exit code 1: it does not run."""
    settings = load_settings(context, needs_secret=False)
    with open_operations(application(context), settings) as operations:
        try:
            view = operations.pause(operation, recording.cause_of(by, "", ""))
        except OperationTrouble as error:
            raise CommandFailed(str(error)) from error
    typer.echo(printable(state_line(view)))
