"""Prints tables and JSON: coloured on a terminal, plain elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import msgspec
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.table import Table
from rich.text import Text

from leveret.observe.logs import printable_json
from leveret.settings import environment

PLAIN_WIDTH = 160
"""Width, in columns, of a table that goes to a file or a pipe."""


def make_console() -> Console:
    """Make a console that prints to standard output; it honours NO_COLOR, COLUMNS and TERM."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal and not environment().get("COLUMNS"):
        console.width = PLAIN_WIDTH
    return console


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; a column whose values are all numbers is aligned to the right."""
    rows = [list(row) for row in rows]
    table = Table(title=title, title_justify="left")
    for index, name in enumerate(columns):
        numbers = all(isinstance(row[index], int) for row in rows)
        table.add_column(name, justify="right" if numbers and rows else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row))
    make_console().print(table)


def terminal_json(text: bytes) -> str:
    """Return JSON for a terminal: indented, and with escapes for characters that are not printable."""
    return "\n".join(map(printable_json, msgspec.json.format(text, indent=2).decode().split("\n")))


def print_json(text: bytes) -> None:
    """Print JSON: on a terminal indented and without control characters, otherwise unchanged on one line."""
    if sys.stdout.isatty():
        make_console().print(JSONHighlighter()(terminal_json(text)), soft_wrap=True)
    else:
        sys.stdout.buffer.write(msgspec.json.format(text, indent=-1) + b"\n")  # JSON is UTF-8 in every locale
