"""Sends letters again while the database is away: at once, and without an operation."""

from __future__ import annotations

import asyncio
from typing import Final

import typer

from leveret.application.observing import redrive_tracing
from leveret.cli.operating.letter_fates import conclude, tell
from leveret.cli.operating.redrive.lines import line
from leveret.errors import StorageUnavailable
from leveret.letters.choice import EVERY_LETTER, Choice
from leveret.letters.filters import LetterFilter
from leveret.letters.removal import LetterFate, LetterReport, redrive_letters
from leveret.letters.sender import LetterSender
from leveret.operate.operations import LetterResult, OperatedSystem
from leveret.operate.operations.running import owner_name
from leveret.operate.record import Cause
from leveret.process.exit_codes import FAILED
from leveret.wire.masking import printable

_NOT_WRITTEN: Final = (
    "So the letters are sent at once, and this is not written down: there is no operation, no entry in the "
    "history, and nobody tells here what becomes of them. Workers execute them when the database is back."
)


def send_unrecorded(
    system: OperatedSystem, wanted: LetterFilter, cause: Cause, error: StorageUnavailable, *, as_json: bool
) -> None:
    """Send letters again at once, and say that it is not written down; the stream of letters has who did it.

    Args:
        system: the application, its settings and its letters.
        wanted: ids, or all letters.
        cause: who.
        error: why the database is away.
        as_json: a JSON object for each line.

    Raises:
        BrokerTrouble: there is no queue of letters, or no permission.
        typer.Exit: with 1 if some letter stays, or is missing.
    """
    typer.echo(f"{printable(str(error))}\n{_NOT_WRITTEN}", err=True)
    choice = Choice(ids=wanted.ids) if wanted.ids else EVERY_LETTER
    redriver, by = system.app.redriver(system.settings), cause.kept().by

    def told(fate: LetterFate) -> None:
        if as_json:
            state = LetterResult.REFUSED if fate.kept else LetterResult.SENT
            line({"type": "letter", "id": fate.id, "state": state, "why": fate.kept})
        else:
            tell(fate, "sent again")

    with redrive_tracing(system.settings, owner_name(cause.by)) as spans:
        sender = LetterSender(redriver, spans)
        report = asyncio.run(redrive_letters(system.settings.amqp_url, sender, choice, told, by=by))
    if as_json:
        _conclude(report)
    else:
        conclude(report, "sent again")


def _conclude(report: LetterReport) -> None:
    counts = {"sent": report.done, "refused": report.kept, "missing": report.missing, "complete": report.complete}
    line({"type": "summary", "id": None, "state": "unrecorded", "counts": counts})
    if report.kept or report.missing or not report.complete:
        raise typer.Exit(FAILED)
