"""The form to send letters again, in steps and at a rate, and what begins the operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from leveret.errors import LeveretError
from leveret.letters.filters import LetterFilter, LetterState, read_query
from leveret.letters.index.schema import IndexTrouble
from leveret.operate.operations import (
    RedriveOptions,
    default_wait,
    find_targets,
    plan_redrive,
    read_rate,
    read_steps,
)
from leveret.operate.operations.planning import MOST_OF_ONE
from leveret.web.console.letters import open_letters
from leveret.web.console.operations import source_of, system_of
from leveret.web.console.pages.operations import refused
from leveret.web.console.pages.page import allowed, problem, render, site_of
from leveret.web.console.records import cause_of
from leveret.web.console.site import Site

MOST_CHOSEN: Final = 500
"""Letters that one form may name."""

_CAREFUL: Final = "1,5,50,all"
_FIELDS: Final = ("steps", "rate", "stop_after", "why", "incident")
_LARGEST: Final = 10**6


class RedriveForm(Struct, frozen=True, kw_only=True):
    """What the form to send letters again shows.

    Attributes:
        count: how many letters are meant.
        ids: their requests, if they were chosen one by one.
        query: otherwise the filter, as the query of an address; empty for all letters.
        about: which letters a filter means, for people.
        entered: what stands in the fields.
        wrong: what cannot be read of it; empty if all can.
    """

    count: int
    ids: Sequence[str] = ()
    query: str = ""
    about: str = ""
    entered: Mapping[str, str] = {}
    wrong: str = ""


def form_of_ids(ids: Sequence[str]) -> RedriveForm:
    """Return the form for letters that were chosen one by one."""
    return RedriveForm(count=len(ids), ids=ids, entered={"steps": _CAREFUL if len(ids) > 1 else "all"})


def chosen_ids(form: FormData) -> list[str]:
    """Return the ids that a form names."""
    return list(dict.fromkeys(str(each) for each in form.getlist("id")))[:MOST_CHOSEN]


@allowed("operator")
async def show(request: Request) -> Response:
    """Show the form for the letters that the address asks for."""
    try:
        wanted = replace(read_query(request.url.query), state=LetterState.PRESENT)
        async with open_letters(site_of(request), request.app.state.letters) as view:
            count = view.index.count(wanted)
    except (ValueError, IndexTrouble) as error:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=str(error))
    asked = RedriveForm(
        count=count, query=wanted.query(), about=wanted.in_words(), entered={"steps": _CAREFUL if count > 1 else "all"}
    )
    return render(request, "redrive.html", redrive=asked)


@allowed("operator")
async def choose(request: Request) -> Response:
    """Show the form for the letters that were chosen on a page."""
    ids = chosen_ids(await request.form())
    if not ids:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.nothing_chosen")
    return render(request, "redrive.html", redrive=form_of_ids(ids))


@allowed("operator")
async def begin(request: Request) -> Response:
    """Write the operation down, and run it in the background."""
    form = await request.form()
    ids, query = chosen_ids(form), form.get("query")
    if not ids and not isinstance(query, str):
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.nothing_chosen")
    entered = {name: str(form.get(name) or "").strip() for name in _FIELDS}
    try:
        wanted = LetterFilter(ids=tuple(ids)) if ids else replace(read_query(str(query)), state=LetterState.PRESENT)
        options = _options(site_of(request), entered)
    except ValueError as error:
        about = "" if ids else str(query)
        asked = RedriveForm(count=len(ids), ids=ids, query=about, about=about, entered=entered, wrong=str(error))
        return render(request, "redrive.html", HTTPStatus.UNPROCESSABLE_ENTITY, redrive=asked)
    try:
        return await _begin(request, wanted, options, entered)
    except IndexTrouble as error:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=str(error))
    except LeveretError as error:
        return refused(request, error)


async def _begin(
    request: Request, wanted: LetterFilter, options: RedriveOptions, entered: Mapping[str, str]
) -> Response:
    site, system = site_of(request), system_of(site_of(request))
    cause = cause_of(request.state.visitor, entered["why"], entered["incident"])
    async with request.app.state.letters:  # one page at a time looks, because looking borrows letters
        found = await find_targets(source_of(site), wanted, MOST_OF_ONE)
        if not found.letters:
            return problem(request, HTTPStatus.CONFLICT, "problem_page.no_letters")
        plan = await plan_redrive(system, cause, wanted, options)
    await request.app.state.operations.run(site, plan.view.id, cause)
    missing = f"?missing={len(plan.found.missing)}" if plan.found.missing else ""
    return RedirectResponse(f"/operations/{quote(plan.view.id)}{missing}", HTTPStatus.SEE_OTHER)


def _options(site: Site, entered: Mapping[str, str]) -> RedriveOptions:
    """Read how letters are to be sent.

    Raises:
        ValueError: a field cannot be read; the text says which, and what is expected.
    """
    stop = entered["stop_after"]
    if stop and not (stop.isascii() and stop.isdigit() and 0 < int(stop) < _LARGEST):
        raise ValueError(f"{stop!r} is not a number of failures: expected a whole number above 0")
    return RedriveOptions(
        steps=read_steps(entered["steps"] or "all"),
        rate=read_rate(entered["rate"]) if entered["rate"] else None,
        stop_after=int(stop) if stop else None,
        wait=default_wait(site.app, site.settings),
    )
