"""Asking before something is done that cannot be undone."""

from __future__ import annotations

import sys

import typer

from leveret.process.exit_codes import INTERRUPTED
from taskmanager.cli.endings import WrongUse


def ask_first(question: str, otherwise: str) -> None:
    """Ask whether to go on; end the command when the answer is no.

    Args:
        question: what is about to be done, without a question mark.
        otherwise: what is said when it is not done.

    Raises:
        WrongUse: there is no terminal to ask on.
    """
    if not sys.stdin.isatty():
        raise WrongUse(f"{question}: say --yes where nobody can be asked")
    if not _confirmed(f"{question}? They cannot be had back."):
        typer.echo(otherwise)
        raise typer.Exit


def _confirmed(question: str) -> bool:
    try:
        return typer.confirm(question)
    except typer.Abort:  # Ctrl-C, or the end of the input
        raise typer.Exit(INTERRUPTED) from None
