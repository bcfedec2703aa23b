"""The pages of operations: all of them, and one with live progress, pause, resume and take over."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from leveret.broker.connecting import BrokerTrouble
from leveret.errors import LeveretError, SettingsError
from leveret.letters.unmatched import NoSuchLetters
from leveret.operate.operations import LetterResult, OperationTrouble
from leveret.operate.record import Cause
from leveret.web.console.operations import OperationTasks, read_operation, with_operations
from leveret.web.console.pages.live import live_part
from leveret.web.console.pages.page import allowed, page_text, problem, render, site_of
from leveret.web.console.records import cause_of

PAGE: Final = 50
"""Operations in the list."""

_PAUSE: Final = 1.0
"""Seconds between two looks at an operation."""


@allowed("viewer")
async def show(request: Request) -> Response:
    """List the newest operations."""
    try:
        found = await with_operations(site_of(request), lambda operations: operations.recent(PAGE))
    except LeveretError as error:
        return refused(request, error)
    return render(request, "operations.html", operations=found, now=_now(request))


@allowed("viewer")
async def show_one(request: Request) -> Response:
    """Show one operation."""
    try:
        values = await _values(request)
    except OperationTrouble as error:
        return problem(request, HTTPStatus.NOT_FOUND, "problem_page.not_there", what=str(error))
    except LeveretError as error:
        return refused(request, error)
    return render(request, "operation.html", **values, missing=_number(request.query_params.get("missing", "")))


@allowed("viewer")
async def live(request: Request) -> Response:
    """Send the changing part of the page of one operation."""

    async def part() -> str:
        try:
            return page_text(request, "operation_live.html", **await _values(request), trouble="")
        except LeveretError as error:
            return page_text(request, "operation_away.html", trouble=str(error))

    return live_part(request, part, _PAUSE)


@allowed("operator")
async def change(request: Request) -> Response:
    """Pause an operation, resume it, or take it over, as the button says."""
    form, name = await request.form(), request.path_params["name"]
    cause, tasks = cause_of(request.state.visitor), request.app.state.operations
    try:
        await _change(request, str(form.get("do") or ""), name, cause, tasks)
    except LeveretError as error:
        return refused(request, error)
    return RedirectResponse(f"/operations/{quote(name)}", HTTPStatus.SEE_OTHER)


async def _change(request: Request, what: str, name: str, cause: Cause, tasks: OperationTasks) -> None:
    site = site_of(request)
    if what == "pause":
        await with_operations(site, lambda operations: operations.pause(name, cause))
    elif what in ("resume", "take_over"):
        await tasks.run(site, name, cause, take_over=what == "take_over")
    else:
        raise OperationTrouble(f"{what[:20]!r} is nothing that can be done to an operation")


def refused(request: Request, error: LeveretError) -> Response:
    """Return a page that says why nothing was changed."""
    if isinstance(error, OperationTrouble | NoSuchLetters):
        return problem(request, HTTPStatus.CONFLICT, "problem_page.operation", why=str(error))
    keys = {BrokerTrouble: "problem_page.broker", SettingsError: "problem_page.operation"}
    key = next((key for kind, key in keys.items() if isinstance(error, kind)), "problem_page.no_records")
    return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, key, why=str(error))


async def _values(request: Request) -> dict[str, Any]:
    shown = request.query_params.get("show", "")
    page = await read_operation(site_of(request), request.path_params["name"], shown)
    return {
        "page": page,
        "view": page.view,
        "runs": page.view.is_run(_now(request)),
        "shown": shown if shown in tuple(LetterResult) else "",
    }


def _now(request: Request) -> datetime:
    return datetime.fromtimestamp(site_of(request).clock(), UTC)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
