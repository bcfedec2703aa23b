"""Prints tables and JSON: coloured on a terminal, plain elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Sequence

import msgspec
from rich.console import Console, JustifyMethod
from rich.highlighter import JSONHighlighter
from rich.table import Table
from rich.text import Text

from leveret.observe.logs import printable_json
from leveret.settings import environment

_NARROWEST = 8
"""Columns of a value that is cut, at least."""

_LONGEST_WORD = 36
"""Columns that a word of another value gets before it is broken: those of a UUID."""

PLAIN_WIDTH = 160
"""Width, in columns, of a table that goes to a file or a pipe."""


def make_console() -> Console:
    """Make a console that prints to standard output; it honours NO_COLOR, COLUMNS and TERM."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal and not environment().get("COLUMNS"):
        console.width = PLAIN_WIDTH
    return console


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, one_line: Container[str] = ()
) -> None:
    """Print a table; a column whose values are all numbers is aligned to the right.

    Where the terminal is so narrow that ids and other words would be broken, each row is printed as a few lines: the
    name of a column and its value.

    Args:
        title: stands above it.
        columns: their names.
        rows: the values, as many as there are columns.
        one_line: columns whose values are cut where the terminal is too narrow.
    """
    rows = [
        [str(value) if name in one_line else value for name, value in zip(columns, row, strict=True)] for row in rows
    ]
    console = make_console()
    if _least(columns, rows, one_line) > console.width:
        _print_rows(console, title, columns, rows)
        return
    table = Table(title=title, title_justify="left")
    most = _room(console.width, columns, rows, one_line)
    for index, name in enumerate(columns):
        numbers = all(isinstance(row[index], int) for row in rows)
        justify: JustifyMethod = "right" if numbers and rows else "left"
        if name in one_line:
            table.add_column(name, justify=justify, overflow="ellipsis", no_wrap=True, max_width=most)
        else:
            table.add_column(name, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row))
    console.print(table)


def _least(columns: Sequence[str], rows: Sequence[Sequence[object]], one_line: Container[str]) -> int:
    """Return how wide a table is at least in which no word is broken, and each value that is cut says something."""
    found = 3 * len(columns) + 1
    for index, name in enumerate(columns):
        if name in one_line:
            found += max(_NARROWEST, len(name))
        else:
            words = [name, *(word for row in rows for word in str(row[index]).split())]
            found += min(max(map(len, words)), _LONGEST_WORD)
    return found


def _print_rows(console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table as lines, each with the name of a column and its value; empty values are left out."""
    names = max(map(len, columns))
    console.print(Text(title, "italic"), soft_wrap=True)
    for row in rows:
        console.print()
        for name, value in zip(columns, map(str, row), strict=True):
            if value:
                console.print(Text.assemble((f"{name:<{names}}  ", "bold"), value), soft_wrap=True)


def _room(width: int, columns: Sequence[str], rows: Sequence[Sequence[object]], one_line: Container[str]) -> int:
    """Return how wide each column of those that are cut may be, so that the others are whole."""
    frame = 3 * len(columns) + 1
    whole = [
        max(len(name), *(len(str(row[index])) for row in rows)) if rows else len(name)
        for index, name in enumerate(columns)
        if name not in one_line
    ]
    cut = len(columns) - len(whole)
    return max((width - frame - sum(whole)) // cut, _NARROWEST) if cut else width


def terminal_json(text: bytes) -> str:
    """Return JSON for a terminal: indented, and with escapes for characters that are not printable."""
    return "\n".join(map(printable_json, msgspec.json.format(text, indent=2).decode().split("\n")))


def print_json(text: bytes) -> None:
    """Print JSON: on a terminal indented and without control characters, otherwise unchanged on one line."""
    if sys.stdout.isatty():
        make_console().print(JSONHighlighter()(terminal_json(text)), soft_wrap=True)
    else:
        sys.stdout.buffer.write(msgspec.json.format(text, indent=-1) + b"\n")  # JSON is UTF-8 in every locale
