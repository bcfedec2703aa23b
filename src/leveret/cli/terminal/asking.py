"""Asks a person before a command does something that matters."""

from __future__ import annotations

import sys

import typer

from leveret.cli.ending.endings import WrongUse
from leveret.process.exit_codes import INTERRUPTED


def ask_first(question: str, otherwise: str, *, warning: str = "This cannot be undone.") -> None:
    """Ask whether to go on; end the command if the answer is no.

    Args:
        question: what the command is about to do, without a question mark.
        otherwise: what to print if the answer is no.
        warning: a sentence behind the question; may be empty.

    Raises:
        WrongUse: there is no terminal to ask on.
    """
    if not sys.stdin.isatty():
        raise WrongUse(f"{question}: add --yes, because there is no terminal to ask on")
    if not _confirmed(f"{question}? {warning}".rstrip()):
        typer.echo(otherwise)
        raise typer.Exit


def _confirmed(question: str) -> bool:
    try:
        return typer.confirm(question)
    except typer.Abort:  # Ctrl-C, or the end of the input
        raise typer.Exit(INTERRUPTED) from None
