"""The commands ``letters list``, ``show`` and ``index``, which change nothing at the broker."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final, TypeVar

import typer
from msgspec import structs

from leveret.cli.context import command_line
from leveret.cli.operating import letter_options as options
from leveret.cli.operating.letter_rows import COLUMNS, CUT, as_line, letter_lines, table_row
from leveret.cli.terminal.option_values import read_option
from leveret.cli.terminal.screen import print_json, print_table
from leveret.letters.filters import LetterFilter, LetterState
from leveret.letters.index.checking import Reconciled, difference, reconcile
from leveret.letters.index.opening import Source, UpToDate, index_path, up_to_date
from leveret.letters.index.reading import ReadProgress, Tell
from leveret.letters.look import MOST_LETTERS
from leveret.process.exit_codes import FAILED
from leveret.settings import values
from leveret.wire.masking import printable
from leveret.wire.words import counted

SHOWN: Final = 50
"""Letters on a page of a list."""

_MOST_SHOWN: Final = 1_000_000
_TOLD_FROM: Final = 20_000
"""Messages from which on the reading of the stream shows how far it is."""

T = TypeVar("T")


def list_letters(
    context: typer.Context,
    *,
    wanted: LetterFilter,
    state: options.State = None,
    limit: Annotated[
        int,
        typer.Option(
            metavar="N", parser=read_option("--limit", values.number(1, _MOST_SHOWN)), help="Letters to show."
        ),
    ] = SHOWN,
    after: Annotated[
        int | None, typer.Option(metavar="N", help="Go on behind this one, as the last line says.")
    ] = None,
    newest: Annotated[bool, typer.Option("--newest", help="The newest first.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare the index with the queue. Exit code 1: they differ.")
    ] = False,
    json: options.AsJson = False,
    index: options.IndexPath = None,
) -> None:
    """Print letters, oldest first, as a table or as JSON lines; all of them stay in the queue as they are."""
    source = options.letters_source(context, index)
    wanted = structs.replace(wanted, state=options.wanted_letters(state=state).state)
    if check:
        ask_index(source, lambda found: _tell_check(context, found))
        return
    page, count = ask_index(
        source, lambda found: (found.index.find(wanted, limit, after, newest=newest), found.index.count(wanted))
    )
    if json or not sys.stdout.isatty():
        for row in page.rows:
            print_json(as_line(row))
        return
    if page.rows:
        print_table(f"Letters: {printable(wanted.in_words())}", COLUMNS, map(table_row, page.rows), one_line=CUT)
    behind = f"; --after {page.after} goes on" if page.after else ""
    typer.echo(f"{len(page.rows)} of {counted(count, 'letter')}{behind}")


def show_letter(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="The id of the request, or the key of the letter.")],  # noqa: A002 - what it is called
    *,
    json: options.AsJson = False,
    index: options.IndexPath = None,
) -> None:
    """Print everything of one letter: why, every attempt, the request, what the broker says; secrets are masked.

    A request may have several letters; all of them are shown, the newest first. Exit code 1: there is none.
    """
    wanted = LetterFilter(ids=(id,), state=LetterState.ANY)
    rows = ask_index(
        options.letters_source(context, index),
        lambda found: [found.index.read(row.key) for row in found.index.find(wanted, MOST_LETTERS, newest=True).rows],
    )
    for number, row in enumerate(filter(None, rows)):
        if json or not sys.stdout.isatty():
            print_json(as_line(row))
        else:
            typer.echo("\n".join([*([""] if number else []), *letter_lines(row)]))
    if not rows:
        typer.echo(printable(f"not there: {id}: no letter with this id is known"), err=True)
        raise typer.Exit(FAILED)


def show_index(
    context: typer.Context,
    *,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Forget it, and read the stream from its beginning.")
    ] = False,
    look: Annotated[
        bool,
        typer.Option(
            "--look",
            help=f"Make it agree with the queue by a look at the queue itself, {MOST_LETTERS} letters at most.",
        ),
    ] = False,
    index: options.IndexPath = None,
) -> None:
    """Print where the index of letters is, how large it is and what it knows; it can be deleted at any time."""
    source = options.letters_source(context, index)
    ask_index(source, lambda found: _tell_index(context, source, found), rebuild=rebuild, look=look)


def _tell_index(context: typer.Context, source: Source, found: UpToDate) -> None:
    index = found.index
    typer.echo(f"path      {index_path(source) if found.streamed else 'none'}")
    typer.echo(f"size      {index.size} bytes")
    typer.echo(f"letters   {index.count()} present, {index.count(LetterFilter(state=LetterState.ANY))} known")
    typer.echo(f"offset    {index.next_offset if found.streamed else 'none'}")
    typer.echo(f"check     {_check(context, found) or 'the queue holds the same letters'}")


def _tell_check(context: typer.Context, found: UpToDate) -> None:
    differs = _check(context, found)
    typer.echo(differs or f"The queue holds {counted(found.depth, 'letter')}, and the index knows the same number.")
    if differs:
        raise typer.Exit(FAILED)


def _check(context: typer.Context, found: UpToDate) -> str:
    differs = difference(found.depth, found.present)
    shown = command_line(context).shown
    return f"{differs}. `{shown('letters index --look')}` looks at the queue and mends the index" if differs else ""


def ask_index(source: Source, ask: Callable[[UpToDate], T], *, rebuild: bool = False, look: bool = False) -> T:
    """Bring the index up to date, and ask it; where there is no stream, say what that means."""

    async def run() -> T:
        with _progress() as (tell, stop):
            async with up_to_date(source, tell, rebuild=rebuild) as found:
                stop()
                if not found.streamed:
                    typer.echo(_no_stream(found), err=True)
                elif look:
                    typer.echo(_in_words(await reconcile(source, found)))
                return ask(found)

    with options.asking_letters():
        return asyncio.run(run())


def _no_stream(found: UpToDate) -> str:
    if found.depth <= MOST_LETTERS:
        return "There is no stream of letters; this is a look at the queue itself."
    return (
        f"There is no stream of letters; this is a look at the oldest {MOST_LETTERS:,} of {found.depth:,} letters in "
        "the queue itself."
    )


def _in_words(done: Reconciled) -> str:
    gone = "the queue holds too many to know which are gone" if done.gone is None else f"{done.gone} gone"
    return f"The index agrees with the queue as far as a look shows: {done.added} added, {gone}."


@contextmanager
def _progress() -> Iterator[tuple[Tell, Callable[[], None]]]:
    """Show on a terminal how far the reading of a long stream is, until the second function is called."""
    from rich.console import Console  # noqa: PLC0415 - most commands show none
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("Reading the stream of letters", total=None, visible=False)
        begin: list[int] = []

        def tell(progress: ReadProgress) -> None:
            if not begin:
                begin.append(progress.offset - progress.read)
            total = None if progress.end is None else progress.end - begin[0]
            visible = total is None or total > _TOLD_FROM
            bar.update(task, completed=progress.read, total=total, visible=visible)

        yield tell, bar.stop
