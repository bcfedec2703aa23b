"""Where a document goes: to the standard output, or to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leveret.cli.ending.endings import WrongUse

Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write it to this file; its folder is made.")
]


def print_or_write(text: str, output: Path | None) -> None:
    """Print a text, or write it to a file.

    Raises:
        WrongUse: the file cannot be written.
    """
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise WrongUse(f"{output} cannot be written: {error.strerror or error}") from error
    typer.echo(f"Wrote {output}")
