"""The options that say which letters a command means, and the one that names the index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import CommandFailed, WrongUse
from leveret.letters.document import secrets_of
from leveret.letters.filters import LetterFilter, LetterState, read_filter
from leveret.letters.index.opening import Source
from leveret.letters.index.schema import IndexTrouble
from leveret.letters.unmatched import NoSuchLetters

_HOW = "Which letters"


def _option(name: str, metavar: str, text: str) -> object:
    return typer.Option(f"--{name}", metavar=metavar, help=text, show_default=False, rich_help_panel=_HOW)


Action: TypeAlias = Annotated[str | None, _option("action", "NAME", "Of this action: create_task or v1.create_task.")]
Version: TypeAlias = Annotated[str | None, _option("version", "NAME", "Of this version of the API, such as v1.")]
WorkerVersion: TypeAlias = Annotated[
    str | None, _option("worker-version", "TEXT", "Written by a worker of this version of the application.")
]
Code: TypeAlias = Annotated[str | None, _option("code", "CODE", "With this code, such as retries_exhausted.")]
ExceptionName: TypeAlias = Annotated[
    str | None, _option("exception", "TEXT", "This is a part of the name of the error's class.")
]
Place: TypeAlias = Annotated[
    str | None, _option("place", "TEXT", "This is a part of the name of the file that raised the error.")
]
PrincipalOption: TypeAlias = Annotated[str | None, _option("principal", "ID", "Of requests of this caller.")]
Older: TypeAlias = Annotated[str | None, _option("older", "DURATION", "Given up longer ago: 90s, 30m, 2h, 7d.")]
Newer: TypeAlias = Annotated[str | None, _option("newer", "DURATION", "Given up less long ago.")]
Text: TypeAlias = Annotated[
    str | None, _option("text", "WORDS", 'Holds words that begin like these; "these words" one behind the other.')
]
Group: TypeAlias = Annotated[str | None, _option("group", "GROUP", "Of this group, or the beginning of its name.")]
State: TypeAlias = Annotated[
    str | None, _option("state", "STATE", f"What became of it: {', '.join(LetterState)}. Default: present.")
]
IndexPath: TypeAlias = Annotated[
    Path | None,
    typer.Option("--index", metavar="PATH", help="Keep the index in this file. Default: one in your cache."),
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="JSON lines, also on a terminal; elsewhere they are the default.")
]


def wanted_letters(**conditions: str | Sequence[str] | None) -> LetterFilter:
    """Read the options of a command; ``worker_version`` stands for ``worker-version``.

    Raises:
        WrongUse: a value cannot be used.
    """
    try:
        return read_filter({name.replace("_", "-"): value for name, value in conditions.items()})
    except ValueError as error:
        raise WrongUse(f"--{error}") from None


@contextmanager
def asking_letters() -> Iterator[None]:
    """Ask for letters; what is wrong with the question ends the command.

    Raises:
        WrongUse: the index cannot be used, or the text of the filter cannot be searched.
        CommandFailed: no letter meets the conditions.
    """
    try:
        yield
    except NoSuchLetters as error:
        raise CommandFailed(str(error)) from error
    except IndexTrouble as error:
        raise WrongUse(str(error)) from error
    except ValueError as error:
        raise WrongUse(f"--{error}") from error


def letters_source(context: typer.Context, path: Path | None) -> Source:
    """Return which letters a command is about."""
    settings, made = load_settings(context, needs_secret=False), application(context)
    return Source(settings.amqp_url, made.topology(settings), secrets_of(made), path)
