"""The command ``docs diff``: what a change of an application breaks, and for whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.text import Text

from leveret.cli.context import application
from leveret.cli.docs.contract import need_libraries
from leveret.cli.ending.endings import WrongUse
from leveret.cli.terminal.screen import make_console
from leveret.process.exit_codes import FAILED
from leveret.wire.codec import encode_json
from leveret.wire.masking import printable
from leveret.wire.words import counted

if TYPE_CHECKING:  # they need the extra
    from leveret.contracts.diff.contract import Contract
    from leveret.contracts.diff.report import Break, Report


def diff(
    context: typer.Context,
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="The contract that others rely on, as `docs contract` wrote it.")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Print what breaks for callers and readers of an old contract, each with a message that really fails.

    Inputs and answers are made from both contracts. Inputs that were accepted are given to the decoders of the
    application as it is now; answers that it may write are checked against the old contract. It needs
    `leveret[contracts]`, and no broker. Exit code 1: something breaks.
    """
    need_libraries()
    from leveret.contracts.diff.compare import compare  # noqa: PLC0415 - it needs the extra

    report = compare(_read(old), application(context))
    if as_json:
        typer.echo(encode_json({"well": report.is_compatible, **msgspec.to_builtins(report)}).decode())
    else:
        _print(report)
    if not report.is_compatible:
        raise typer.Exit(FAILED)


def conclusion(report: Report) -> str:
    """Return how much breaks and what else changed, in one line."""
    changes = counted(len(report.compatible), "compatible change")
    tried = f"{counted(report.tried, 'message')} tried"
    if report.breaks:
        return f"{counted(len(report.breaks), 'break')}, {changes}, {tried}"
    return f"Nothing breaks: {changes}, {tried}"


def _read(path: Path) -> Contract:
    from leveret.contracts.diff.contract import NotAContract, read_contract  # noqa: PLC0415 - it needs the extra

    try:
        return read_contract(path.read_bytes())
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror or error}") from error
    except NotAContract as error:
        raise WrongUse(f"{path}: {error}. Write one with `docs contract --output FILE`") from error


def _print(report: Report) -> None:
    console = make_console()
    for each in report.breaks:
        place = f" at {each.place}" if each.place else ""
        head = Text.assemble(("breaks", "bold red"), f"  {each.whom} of ", (each.subject, "bold"), f"{place}: ")
        console.print(Text.assemble(head, printable(each.change)), soft_wrap=True)
        for name, value in (("message", each.message), ("fails", _words(each))):
            line = value if isinstance(value, str) else encode_json(value).decode()
            console.print(Text.assemble((f"        {name:<8}", "dim"), printable(line)), soft_wrap=True)
    for note in report.compatible:
        subject = (f"  {note.subject} ", "bold")
        console.print(Text.assemble(("fits", "green"), subject, printable(note.change)), soft_wrap=True)
    console.print(conclusion(report), soft_wrap=True, highlight=False)


def _words(found: Break) -> Any:
    """Return how a message fails, in a line: the error of a reply, or what is wrong with an answer."""
    reply = found.fails
    return f"{reply['code']}: {reply['error']}" if isinstance(reply, dict) and "error" in reply else reply
