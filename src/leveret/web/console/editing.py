"""Edits the data of letters for the pages: first the differences, then the change."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct, structs

from leveret.api import Action
from leveret.errors import InvalidRequest
from leveret.letters.document import secrets_of
from leveret.letters.edit.editor import Change, EditedLetter, LetterEditor, as_shown
from leveret.letters.edit.patch import PatchProblem, apply_patch, read_patch
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

WHOLE: Final = 10_000
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


async def plan_edit(site: Site, cause: Cause, wanted: LetterFilter, change: Change) -> EditPlan:
    """Find out what an edit of letters would change, and change nothing.

    Args:
        site: what the console knows.
        cause: who, and why.
        wanted: which letters.
        change: makes the new data of each; see `new_data` and `patched`.

    Raises:
        IndexTrouble: the file of the index cannot be used.
        NoSuchLetters: no letter meets the conditions.
        ValueError: the text of the filter cannot be searched.
        LeveretError: the broker or the database does not answer, or there is no usable secret.
    """
    secrets, kept = secrets_of(site.app), cause.kept()
    keyring = site.app.keyring(site.settings, make_secret=False)
    editor = LetterEditor(site.app.redriver(site.settings), keyring, site.app, secrets)
    told = LetterEdit(iso_time(datetime.now(UTC)), kept.by, kept.why)
    plan = await plan_edits(source_of(site), wanted, lambda letter: editor.edit(letter, change, told, new_id()))
    return await _executed(site).taken_out(plan)


def new_data(text: str) -> Change:
    """Return the change that puts a text, which is JSON, in the place of all data."""

    def change(_action: Action, _data: Mapping[str, Any]) -> Any:
        try:
            return decode_value(text)
        except (NotJson, InvalidRequest) as error:
            raise PatchProblem(f"the new data is not JSON that a request may hold: {error}") from None

    return change


def patched(text: str) -> Change:
    """Return the change that applies a JSON Patch, or a JSON Merge Patch.

    Raises:
        PatchProblem: the text is neither.
    """
    patch = read_patch(text)
    return lambda _action, data: apply_patch(patch, dict(data))


async def apply_edit(site: Site, cause: Cause, plan: EditPlan, about: Mapping[str, Any]) -> ChangedLetters:
    """Put the edited letters in the place of the former ones, without those whose requests were executed meanwhile.

    Args:
        site: what the console knows.
        cause: who, and why.
        plan: the letters with their new data.
        about: what the audit says of the change, beside which letters it concerns.

    Raises:
        LeveretError: the broker or the database does not answer, or refuses.
    """

    async def change(_: Records, tell: Callable[[LetterFate], None]) -> LetterReport:
        still = await _executed(site).taken_out(plan)
        for each in still.refused[len(plan.refused) :]:
            tell(LetterFate(each.request_id, each.why))
        report = await replace_letters(site.settings.amqp_url, site.topology, still.edits, tell)
        return structs.replace(report, kept=report.kept + len(plan.edits) - len(still.edits))

    meant = chosen([each.request_id for each in plan.edits])
    return await recorded_change(site, cause, "edit", {**meant, **about}, change)


def difference(site: Site, edit: EditedLetter, around: int = WHOLE) -> list[EditedPart]:
    """Return the lines of the data before and after, without secrets.

    Args:
        site: what the console knows.
        edit: the letter.
        around: how many lines around each difference are returned; dots stand for those that are left out.
    """
    secrets = secrets_of(site.app)
    before, after = (as_shown(data, secrets).decode().split("\n") for data in (edit.before, edit.after))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=around))[_HEAD:]
    return [EditedPart(" ", "...") if line.startswith("@@") else EditedPart(line[:1], line[1:]) for line in lines]


def _executed(site: Site) -> Executed:
    settings = site.settings
    url = settings.database_url if site.app.uses_database(settings) else None
    return Executed(url, settings.database_pooler)
