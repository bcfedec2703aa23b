"""The pages of discarded letters: before letters are discarded, the archive, and what became of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from msgspec.structs import replace
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from leveret.errors import LeveretError
from leveret.letters.choice import Choice
from leveret.letters.filters import LetterFilter, LetterState, read_query
from leveret.letters.index.schema import IndexTrouble
from leveret.operate.record import Cause
from leveret.operate.record.details import chosen
from leveret.web.console.archive import (
    ChangedLetters,
    archived,
    discard_letters,
    restore_letters,
)
from leveret.web.console.letters import open_letters
from leveret.web.console.pages.operations import refused
from leveret.web.console.pages.page import allowed, problem, render, site_of
from leveret.web.console.pages.redrive import chosen_ids
from leveret.web.console.records import cause_of

PAGE: Final = 100
"""Letters of the archive on a page."""

MOST_TOLD: Final = 300
"""Letters of which a page says what became of them, those that stay first."""

_LARGEST: Final = 10**6
"""The last page of the archive, in any case."""


@allowed("viewer")
async def show(request: Request) -> Response:
    """Show those letters of the archive that the address asks for."""
    number = request.query_params.get("page", "1")
    page = min(int(number), _LARGEST) if number.isascii() and number.isdigit() and len(number) < 8 else 1
    try:
        wanted = replace(read_query(request.url.query), state=LetterState.PRESENT)
        letters = await archived(site_of(request), wanted)
    except ValueError as error:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=str(error))
    except LeveretError as error:
        return refused(request, error)
    begin = (max(page, 1) - 1) * PAGE
    words = [(name, value) for name, values in wanted.words().items() for value in values]
    return render(
        request,
        "archive.html",
        letters=letters[begin : begin + PAGE],
        total=len(letters),
        onward=urlencode([*words, ("page", max(page, 1) + 1)]) if begin + PAGE < len(letters) else "",
        fields={name: " ".join(values) for name, values in wanted.words().items()},
        query=wanted.query(),
        age=_age(request),
    )


@allowed("operator")
async def ask(request: Request) -> Response:
    """Ask why the letters that were chosen are discarded."""
    ids = chosen_ids(await request.form())
    if not ids:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.nothing_chosen")
    return _asked(request, len(ids), ids=ids)


@allowed("operator")
async def ask_all(request: Request) -> Response:
    """Ask why the letters that the address asks for are discarded, and say how many they are."""
    try:
        wanted = replace(read_query(request.url.query), state=LetterState.PRESENT)
        async with open_letters(site_of(request), request.app.state.letters) as view:
            count = view.index.count(wanted)
    except (ValueError, IndexTrouble) as error:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=str(error))
    if not count:
        return problem(request, HTTPStatus.CONFLICT, "problem_page.no_letters")
    return _asked(request, count, wanted=wanted)


@allowed("operator")
async def change(request: Request) -> Response:
    """Discard letters, or bring them back, as the button says."""
    form = await request.form()
    ids, what = chosen_ids(form), str(form.get("do") or "")
    named = isinstance(form.get("query"), str) if what in ("discard_all", "restore_all") else bool(ids)
    if not named or what not in ("discard", "discard_all", "restore", "restore_all"):
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.nothing_chosen")
    cause = cause_of(request.state.visitor, str(form.get("why") or "").strip(), str(form.get("incident") or "").strip())
    try:
        if what == "discard_all":
            return await _discard_all(request, cause, form)
        wanted = _wanted(form) if what == "restore_all" else LetterFilter(ids=tuple(ids))
        async with request.app.state.letters:  # one page at a time looks at letters, because looking borrows them
            if what == "discard":
                done = await discard_letters(site_of(request), cause, Choice(ids=tuple(ids)), chosen(ids))
            else:
                done = await restore_letters(site_of(request), cause, wanted)
    except (ValueError, IndexTrouble) as error:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=str(error))
    except LeveretError as error:
        return refused(request, error)
    return show_changed(request, what.partition("_")[0], done)


async def _discard_all(request: Request, cause: Cause, form: FormData) -> Response:
    """Discard the letters that a filter means, unless these are more than the form named; then ask again."""
    wanted = _wanted(form)
    async with open_letters(site_of(request), request.app.state.letters) as view:
        keys = frozenset(view.index.keys(wanted))
    if not keys:
        return problem(request, HTTPStatus.CONFLICT, "problem_page.no_letters")
    if str(form.get("count")) != str(len(keys)):
        values = {"entered": {"why": cause.why, "incident": cause.incident}, "changed": True}
        return _asked(request, len(keys), HTTPStatus.CONFLICT, wanted=wanted, **values)
    about = {"letters": wanted.in_words(), "named": len(keys)}
    async with request.app.state.letters:
        done = await discard_letters(site_of(request), cause, Choice(keys=keys), about)
    return show_changed(request, "discard", done)


def _asked(
    request: Request, count: int, status: int = HTTPStatus.OK, *, wanted: LetterFilter | None = None, **values: Any
) -> Response:
    shown: dict[str, Any] = {"ids": (), "query": None, "about": "", "entered": {}, "changed": False}
    if wanted is not None:
        shown |= {"query": wanted.query(), "about": wanted.in_words()}
    return render(request, "discard.html", status, count_of=count, age=_age(request), **shown | values)


def show_changed(request: Request, what: str, done: ChangedLetters) -> Response:
    """Show what became of letters, those that stay first."""
    fates = sorted(done.fates, key=lambda fate: not fate.kept)[:MOST_TOLD]
    return render(request, "letters_changed.html", what=what, report=done.report, fates=fates)


def _wanted(form: FormData) -> LetterFilter:
    """Return the filter of a form.

    Raises:
        ValueError: it cannot be read.
    """
    return replace(read_query(str(form.get("query") or "")), state=LetterState.PRESENT)


def _age(request: Request) -> float:
    return site_of(request).settings.archive_age.total_seconds()
