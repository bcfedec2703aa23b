"""Runs an operation for a command: shows how far it is, pauses it on Ctrl-C, and prints how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer

from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import CommandFailed
from leveret.cli.operating import letter_options as options
from leveret.cli.operating.redrive.lines import TOLD_AT_END, Told, in_words, remaining
from leveret.errors import LeveretError
from leveret.letters.filters import LetterFilter
from leveret.letters.unmatched import NoSuchLetters
from leveret.operate.operations import (
    OperatedSystem,
    OperationState,
    OperationTrouble,
    OperationView,
    RedriveOptions,
    RedriveProgress,
    find_targets,
    open_operations,
    run_redrive,
)
from leveret.operate.operations.planning import MOST_OF_ONE
from leveret.operate.record import Cause
from leveret.process.exit_codes import FAILED, INTERRUPTED
from leveret.process.running import run


def system_of(context: typer.Context, index: Path | None) -> OperatedSystem:
    """Return what the operations of a command work on.

    Raises:
        SettingsError: the settings cannot be used.
    """
    return OperatedSystem(application(context), load_settings(context), options.letters_source(context, index))


def show_dry_run(
    system: OperatedSystem, wanted: LetterFilter, chosen: RedriveOptions, told: Told, *, limit: int | None
) -> None:
    """Print which letters would be sent; exit code 1: some are not there, or were not seen.

    Raises:
        NoSuchLetters: no letter meets the conditions.
    """
    found = asyncio.run(find_targets(system.source, wanted, limit or MOST_OF_ONE))
    if found.none:
        raise NoSuchLetters(found.none)
    told.would_send(found, chosen)
    if not told.is_complete(found):
        raise typer.Exit(FAILED)


def carry_out(
    system: OperatedSystem,
    operation: str,
    cause: Cause,
    told: Told,
    *,
    take_over: bool = False,
    rate: float | None = None,
    complete: bool = True,
) -> NoReturn:
    """Run an operation, print how it gets on and how it ended, and end the command.

    Args:
        system: the application, its settings and its letters.
        operation: its id, or the beginning of it.
        cause: who runs it.
        told: prints it.
        take_over: run it although somebody else does.
        rate: letters a second at most, instead of what the operation says.
        complete: everything that was asked for is a letter of the operation.

    Raises:
        CommandFailed: there is no such operation, it is done, or somebody else runs it.
        LeveretError: the broker or the database does not answer, or refuses.
        typer.Exit: with 0 if all letters were sent and none is known to have failed, otherwise with 1; with 130 if
            somebody interrupted it here.
        OutputLost: the output could not be written; the operation went on without it.
    """
    interrupted = False

    async def main(stop: asyncio.Event) -> OperationView:
        nonlocal interrupted
        with _shown(told) as tell:
            view = await run_redrive(system, operation, cause, tell=tell, stop=stop, take_over=take_over, rate=rate)
        interrupted = stop.is_set()
        return view

    try:
        view = run(main)
    except OperationTrouble as error:
        raise CommandFailed(str(error)) from error
    except LeveretError:
        typer.echo(f"operation {operation} is not done: {_resume(system, operation)} goes on with it", err=True)
        raise
    with open_operations(system.app, system.settings) as operations:
        letters = operations.letters(view.id, TOLD_AT_END)
    told.ended(view, letters)
    _conclude(system, view, told, interrupted=interrupted, complete=complete)


def _conclude(
    system: OperatedSystem, view: OperationView, told: Told, *, interrupted: bool, complete: bool
) -> NoReturn:
    """End the command with the exit code of how the operation stands, or of an output that nobody can get."""
    if view.state is not OperationState.DONE:
        typer.echo(f"{_resume(system, view.id)} goes on with it", err=True)
    if told.lost:
        raise told.lost
    if view.state is not OperationState.DONE:
        raise typer.Exit(INTERRUPTED if interrupted else FAILED)
    counts = view.counts
    raise typer.Exit(FAILED if counts.failed or counts.refused or counts.missing or not complete else 0)


def _resume(system: OperatedSystem, operation: str) -> str:
    return f"`{system.app.shown_command(f'letters resume {operation}')}`"


@contextmanager
def _shown(told: Told) -> Iterator[Callable[[RedriveProgress], None]]:
    """Show progress in a bar on a terminal, and in lines elsewhere."""
    from rich.console import Console  # noqa: PLC0415 - most commands show none
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    console = Console(stderr=True)
    if told.as_json or not console.is_terminal:
        yield told.progress
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, told="")

        def tell(progress: RedriveProgress) -> None:
            counts = progress.counts
            step = f"step {progress.step} of {progress.steps}" if progress.steps > 1 else "sending"
            left = f"; {remaining(progress)}" if progress.remaining else ""
            what = "; waiting for what becomes of them" if progress.waiting else left
            bar.update(
                task,
                description=step,
                completed=counts.handled,
                total=counts.total,
                told=f"{in_words(counts)}{what}",
            )

        yield tell
