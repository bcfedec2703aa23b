"""Edits the data of one letter for the pages: first the difference, then the change."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from leveret.amqp import Delivery
from leveret.api import Action
from leveret.errors import InvalidRequest
from leveret.letters.document import secrets_of
from leveret.letters.edit.editor import EditedLetter, LetterEditor, as_shown
from leveret.letters.edit.patch import PatchProblem
from leveret.letters.filters import LetterFilter
from leveret.letters.removal import LetterFate, LetterReport
from leveret.operate.edit import EditPlan, Executed, plan_edits, replace_letters
from leveret.operate.record import Cause, Records
from leveret.operate.record.details import chosen
from leveret.web.console.archive import ChangedLetters, recorded_change
from leveret.web.console.operations import source_of
from leveret.web.console.site import Site
from leveret.wire.codec import NotJson, decode_value
from leveret.wire.ids import new_id
from leveret.wire.kept import iso_time
from leveret.wire.letter import LetterEdit

_AROUND: Final = 10_000
"""Lines around a difference: all of them."""

_HEAD: Final = 3
"""Lines of a difference before its first line."""


class EditedPart(Struct, frozen=True):
    """One line of the data before and after.

    Attributes:
        kind: ``+`` for a new line, ``-`` for one that goes, a blank for one that stays.
        text: the line.
    """

    kind: str
    text: str


async def plan_edit(site: Site, cause: Cause, key: str, text: str) -> EditPlan:
    """Find out what an edit of one letter would change, and change nothing.

    Args:
        site: what the console knows.
        cause: who, and why.
        key: the letter's key.
        text: the new data, as JSON.

    Raises:
        IndexTrouble: the file of the index cannot be used.
        LeveretError: the broker or the database does not answer, or there is no usable secret.
    """
    secrets, kept = secrets_of(site.app), cause.kept()
    keyring = site.app.keyring(site.settings, make_secret=False)
    editor = LetterEditor(site.app.redriver(site.settings), keyring, site.app, secrets)
    told = LetterEdit(iso_time(datetime.now(UTC)), kept.by, kept.why)

    def edited(letter: Delivery) -> EditedLetter:
        return editor.edit(letter, lambda action, data: _read(action, data, text), told, new_id())

    plan = await plan_edits(source_of(site), LetterFilter(ids=(key,)), edited)
    return await _executed(site).taken_out(plan)


async def apply_edit(site: Site, cause: Cause, plan: EditPlan) -> ChangedLetters:
    """Put the edited letter in the place of the former one, unless its request was executed meanwhile.

    Raises:
        LeveretError: the broker or the database does not answer, or refuses.
    """

    async def change(_: Records, tell: Callable[[LetterFate], None]) -> LetterReport:
        still = await _executed(site).taken_out(plan)
        for each in still.refused:
            tell(LetterFate(each.request_id, each.why))
        report = await replace_letters(site.settings.amqp_url, site.topology, still.edits, tell)
        return LetterReport(report.done, report.kept + len(still.refused), report.missing, report.complete)

    return await recorded_change(site, cause, "edit", chosen([each.request_id for each in plan.edits]), change)


def difference(site: Site, edit: EditedLetter) -> list[EditedPart]:
    """Return the lines of the data before and after, without secrets."""
    secrets = secrets_of(site.app)
    before, after = (as_shown(data, secrets).decode().split("\n") for data in (edit.before, edit.after))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=_AROUND))[_HEAD:]
    return [EditedPart(line[:1], line[1:]) for line in lines]


def _read(_action: Action, _data: Mapping[str, Any], text: str) -> Any:
    try:
        return decode_value(text)
    except (NotJson, InvalidRequest) as error:
        raise PatchProblem(f"the new data is not JSON that a request may hold: {error}") from None


def _executed(site: Site) -> Executed:
    settings = site.settings
    url = settings.database_url if site.app.uses_database(settings) else None
    return Executed(url, settings.database_pooler)
