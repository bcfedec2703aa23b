"""The pages of dead letters: groups and list with filters, one letter, what-if, and sending again."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from leveret.errors import LeveretError
from leveret.letters.filters import LetterFilter, LetterState, read_query
from leveret.letters.index.records import LetterRow
from leveret.letters.index.schema import IndexTrouble
from leveret.operate.record.records import GroupState, names_group
from leveret.web.console.letters import LettersView, open_letters, what_if
from leveret.web.console.pages.page import allowed, local_path, problem, render, site_of
from leveret.web.console.pages.redrive import chosen_ids, form_of_ids
from leveret.web.console.records import GroupNotes, cause_of, read_notes, write_note

PAGE: Final = 50
"""Letters on a page."""

MOST_GROUPS: Final = 12
"""Groups above the list."""


@allowed("viewer")
async def show(request: Request) -> Response:
    """Show groups, and the letters that the address asks for."""
    try:
        wanted = read_query(request.url.query)
        after = int(request.query_params.get("after", "0")) or None
        notes = await read_notes(site_of(request))
        async with open_letters(site_of(request), request.app.state.letters) as view:
            return _list(request, view, wanted, after, notes)
    except (ValueError, IndexTrouble) as error:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=str(error))


@allowed("viewer")
async def show_one(request: Request) -> Response:
    """Show everything of one letter."""
    found = await read_letter(request)
    if isinstance(found, Response):
        return found
    row, view = found
    document = row.document or {}
    letter: dict[str, Any] = document.get("letter", {})
    return render(request, "letter.html", row=row, letter=letter, deaths=document.get("deaths", ()), view=view)


@allowed("operator")
async def try_letters(request: Request) -> Response:
    """Try what would become of the letters that were chosen."""
    ids = chosen_ids(await request.form())
    if not ids:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.nothing_chosen")
    outcome = await what_if(site_of(request), ids)
    return render(request, "letters_tried.html", outcome=outcome, redrive=form_of_ids(ids))


@allowed("operator")
async def note(request: Request) -> Response:
    """Note something of a group, and go back to the page."""
    form = await request.form()
    group, state = str(form.get("group") or ""), str(form.get("state") or "")
    if not names_group(group) or state not in tuple(GroupState):
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=f"{group[:80]} {state[:20]}")
    cause = cause_of(request.state.visitor, incident=str(form.get("incident") or "").strip())
    try:
        await write_note(site_of(request), cause, group, GroupState(state), str(form.get("note") or "").strip())
    except LeveretError as error:
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, "problem_page.no_records", why=str(error))
    return RedirectResponse(f"{local_path(str(form.get('next') or ''))}#group-{group}", HTTPStatus.SEE_OTHER)


async def read_letter(request: Request) -> tuple[LetterRow, LettersView] | Response:
    """Return the letter that the path names and where it was found; or the page that says why it cannot be shown."""
    key = request.path_params["key"]
    try:
        async with open_letters(site_of(request), request.app.state.letters) as view:
            row = view.index.read(key)
    except IndexTrouble as error:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=str(error))
    if row is None:
        return problem(request, HTTPStatus.NOT_FOUND, "problem_page.not_there", what=key)
    return row, view


def _list(request: Request, view: LettersView, wanted: LetterFilter, after: int | None, notes: GroupNotes) -> Response:
    page = view.index.find(wanted, PAGE, after, newest=True)
    groups = [group for group in view.index.groups() if group.present]
    onward = [*((name, value) for name, values in wanted.words().items() for value in values), ("after", page.after)]
    return render(
        request,
        "letters.html",
        view=view,
        notes=notes,
        rows=page.rows,
        total=view.index.count(wanted),
        groups=groups[:MOST_GROUPS],
        wanted=wanted,
        fields={name: " ".join(values) for name, values in wanted.words().items()},
        states=[str(state) for state in LetterState],
        query=wanted.query(),
        onward=urlencode(onward) if page.after else "",
    )
