"""The pages that edit the data of letters, one or many: they show the differences before anything is changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from leveret.errors import LeveretError
from leveret.letters.edit.editor import EditedLetter
from leveret.letters.edit.patch import PatchProblem
from leveret.letters.filters import LetterFilter, LetterState, read_query
from leveret.letters.index.schema import IndexTrouble
from leveret.operate.edit import EditPlan
from leveret.web.console.editing import WHOLE, EditedPart, apply_edit, difference, new_data, patched, plan_edit
from leveret.web.console.letters import open_letters
from leveret.web.console.pages.archive import show_changed
from leveret.web.console.pages.letters import read_letter
from leveret.web.console.pages.operations import refused
from leveret.web.console.pages.page import allowed, problem, render, site_of, speech_of
from leveret.web.console.pages.redrive import chosen_ids
from leveret.web.console.records import cause_of
from leveret.web.console.site import Site

_LARGEST: Final = 20_000
"""Characters of data, or of a patch, that are edited here; for more there is the command."""

_MOST_SHOWN: Final = 10
"""Letters whose difference is shown before the change of many, and letters of which a page says why they stay."""

_ROOM: Final = 40_000
"""Characters of differences on a page."""

_AROUND: Final = 3
"""Lines around each difference of many letters."""


class EditForm(Struct, frozen=True, kw_only=True):
    """What the form to edit letters shows.

    Attributes:
        key: the key of the only letter; empty where a patch changes many.
        ids: the requests of many letters, if they were chosen one by one.
        query: otherwise the filter, as the query of an address.
        about: which letters a filter means, for people.
        count: how many letters are meant; None where that was not looked up again.
        entered: what stands in the fields; ``data`` is the new data, or the patch.
        wrong: what cannot be read of it; empty if all can.
    """

    key: str = ""
    ids: Sequence[str] = ()
    query: str = ""
    about: str = ""
    count: int | None = None
    entered: Mapping[str, str] = {}
    wrong: str = ""


@allowed("operator")
async def show(request: Request) -> Response:
    """Show the data of a letter, to be edited."""
    found = await read_letter(request)
    if isinstance(found, Response):
        return found
    row, _ = found
    sent = (row.document or {}).get("letter", {}).get("request") or {}
    text = as_editable(sent.get("data") or {})
    if len(text) > _LARGEST:
        return problem(request, HTTPStatus.CONFLICT, "problem_page.too_long")
    return _page(request, EditForm(key=request.path_params["key"], entered={"data": text}))


@allowed("operator")
async def show_many(request: Request) -> Response:
    """Show the form that edits the letters that the address asks for."""
    try:
        wanted = replace(read_query(request.url.query), state=LetterState.PRESENT)
        async with open_letters(site_of(request), request.app.state.letters) as view:
            count = view.index.count(wanted)
    except (ValueError, IndexTrouble) as error:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=str(error))
    return _page(request, EditForm(query=wanted.query(), about=wanted.in_words(), count=count))


@allowed("operator")
async def change(request: Request) -> Response:
    """Show the difference, or change the letter, as the button says."""
    form = await request.form()
    key = request.path_params["key"]
    return await _change(request, form, EditForm(key=key, entered=_entered(form)), LetterFilter(ids=(key,)))


@allowed("operator")
async def change_many(request: Request) -> Response:
    """Show the form for the letters that were chosen, the differences, or change the letters, as the button says."""
    form = await request.form()
    ids, query = chosen_ids(form), form.get("query")
    if not ids and not isinstance(query, str):
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.nothing_chosen")
    try:
        wanted = LetterFilter(ids=tuple(ids)) if ids else replace(read_query(str(query)), state=LetterState.PRESENT)
    except ValueError as error:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=str(error))
    if ids:
        asked = EditForm(ids=ids, count=len(ids), entered=_entered(form))
    else:
        asked = EditForm(query=wanted.query(), about=wanted.in_words(), entered=_entered(form))
    return await _change(request, form, asked, wanted) if form.get("do") else _page(request, asked)


def as_editable(data: Any) -> str:
    """Return data as indented JSON, in which what cannot be printed is escaped as JSON has it."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return "".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text)


async def _change(request: Request, form: FormData, asked: EditForm, wanted: LetterFilter) -> Response:
    if len(asked.entered["data"]) > _LARGEST:
        return _page(request, replace(asked, wrong=str(speech_of(request).say("problem_page.too_long"))))
    try:
        async with request.app.state.letters:  # one page at a time looks at letters, because looking borrows them
            return await _shown_or_changed(request, form, asked, wanted)
    except PatchProblem as error:
        return _page(request, replace(asked, wrong=str(error)))
    except (ValueError, IndexTrouble) as error:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=str(error))
    except LeveretError as error:
        return refused(request, error)


async def _shown_or_changed(request: Request, form: FormData, asked: EditForm, wanted: LetterFilter) -> Response:
    site, entered = site_of(request), asked.entered
    cause = cause_of(request.state.visitor, entered["why"], entered["incident"])
    new = new_data(entered["data"]) if asked.key else patched(entered["data"])
    plan = await plan_edit(site, cause, wanted, new)
    if asked.key and not plan.edits and not plan.refused:
        return problem(request, HTTPStatus.NOT_FOUND, "problem_page.not_there", what=asked.key)
    was_shown = form.get("do") == "save" and form.get("seen") == seen(entered["data"], plan.edits)
    if not (plan.edits and entered["why"] and was_shown):
        return _page(request, asked, plan)
    done = await apply_edit(site, cause, plan, {} if asked.key else {"change": "a patch"})
    return show_changed(request, "edit", done)


def _page(request: Request, asked: EditForm, plan: EditPlan | None = None) -> Response:
    edits = plan.edits if plan else ()
    failed = asked.wrong or (plan and not edits)
    return render(
        request,
        "edit.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if failed else HTTPStatus.OK,
        asked=asked,
        plan=plan,
        shown=differences(site_of(request), edits, WHOLE if asked.key else _AROUND),
        stay=plan.refused[:_MOST_SHOWN] if plan else (),
        seen=seen(asked.entered.get("data", ""), edits),
    )


def differences(site: Site, edits: Sequence[EditedLetter], around: int) -> list[tuple[str, list[EditedPart]]]:
    """Return the ids and the differences of the first letters, as far as there is room on a page."""
    found: list[tuple[str, list[EditedPart]]] = []
    room = _ROOM
    for edit in edits[:_MOST_SHOWN]:
        lines = difference(site, edit, around)
        room -= sum(len(line.text) for line in lines)
        if found and room < 0:
            break
        found.append((edit.request_id, lines))
    return found


def seen(text: str, edits: Sequence[EditedLetter]) -> str:
    """Return what names a change whose difference was shown; any other change is shown before it is written."""
    digest = hashlib.sha256(text.encode(errors="surrogatepass"))
    for edit in edits:
        digest.update(b"\0" + edit.key.encode(errors="surrogatepass") + hashlib.sha256(edit.former).digest())
    return digest.hexdigest()


def _entered(form: FormData) -> dict[str, str]:
    entered = {name: str(form.get(name) or "").strip() for name in ("data", "why", "incident")}
    return entered | {"data": entered["data"].replace("\r\n", "\n")}
