"""The pages of discarded letters: before letters are discarded, the archive, and what became of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from leveret.errors import LeveretError
from leveret.operate.record import Cause
from leveret.web.console.archive import ChangedLetters, archived, discard_chosen, restore_chosen
from leveret.web.console.pages.operations import refused
from leveret.web.console.pages.page import allowed, problem, render, site_of
from leveret.web.console.pages.redrive import chosen_ids
from leveret.web.console.records import cause_of
from leveret.web.console.site import Site

PAGE: Final = 100
"""Letters of the archive that are shown."""

Change = Callable[[Site, Cause, list[str]], Awaitable[ChangedLetters]]

_CHANGES: Final[dict[str, Change]] = {"discard": discard_chosen, "restore": restore_chosen}


@allowed("viewer")
async def show(request: Request) -> Response:
    """Show the archive."""
    try:
        letters = await archived(site_of(request), PAGE + 1)
    except LeveretError as error:
        return refused(request, error)
    return render(request, "archive.html", letters=letters[:PAGE], more=len(letters) > PAGE, age=_age(request))


@allowed("operator")
async def ask(request: Request) -> Response:
    """Ask why the letters that were chosen are discarded."""
    ids = chosen_ids(await request.form())
    if not ids:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.nothing_chosen")
    return render(request, "discard.html", ids=ids, age=_age(request))


@allowed("operator")
async def change(request: Request) -> Response:
    """Discard letters, or bring them back, as the button says."""
    form = await request.form()
    ids, what = chosen_ids(form), str(form.get("do") or "")
    if not ids or what not in _CHANGES:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.nothing_chosen")
    cause = cause_of(request.state.visitor, str(form.get("why") or "").strip(), str(form.get("incident") or "").strip())
    try:
        async with request.app.state.letters:  # one page at a time looks at letters, because looking borrows them
            done = await _CHANGES[what](site_of(request), cause, ids)
    except LeveretError as error:
        return refused(request, error)
    return render(request, "letters_changed.html", what=what, report=done.report, fates=done.fates)


def _age(request: Request) -> float:
    return site_of(request).settings.archive_age.total_seconds()
