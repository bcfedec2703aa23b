"""The page that edits the data of a letter: it shows the difference before anything is changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from leveret.errors import LeveretError
from leveret.letters.index.schema import IndexTrouble
from leveret.web.console.editing import apply_edit, difference, plan_edit
from leveret.web.console.pages.letters import read_letter
from leveret.web.console.pages.operations import refused
from leveret.web.console.pages.page import allowed, problem, render, site_of
from leveret.web.console.records import cause_of

_LARGEST: Final = 20_000
"""Characters of data that are edited here; for more there is the command."""


@allowed("operator")
async def show(request: Request) -> Response:
    """Show the data of a letter, to be edited."""
    key = request.path_params["key"]
    found = await read_letter(request)
    if isinstance(found, Response):
        return found
    row, _ = found
    sent = (row.document or {}).get("letter", {}).get("request") or {}
    data = sent.get("data") or {}
    text = as_editable(data)
    if len(text) > _LARGEST:
        return problem(request, HTTPStatus.CONFLICT, "problem_page.too_long")
    return render(request, "edit.html", key=key, data=text, entered={}, lines=[], refused="", seen="")


@allowed("operator")
async def change(request: Request) -> Response:
    """Show the difference, or change the letter, as the button says."""
    key, form = request.path_params["key"], await request.form()
    entered = {name: str(form.get(name) or "").strip() for name in ("data", "why", "incident")}
    entered["data"] = entered["data"].replace("\r\n", "\n")[: 2 * _LARGEST]
    cause = cause_of(request.state.visitor, entered["why"], entered["incident"])
    site = site_of(request)
    try:
        async with request.app.state.letters:
            plan = await plan_edit(site, cause, key, entered["data"])
            was_shown = form.get("do") == "save" and form.get("seen") == _seen(entered)
            if plan.edits and entered["why"] and was_shown:
                done = await apply_edit(site, cause, plan)
                return render(request, "letters_changed.html", what="edit", report=done.report, fates=done.fates)
    except (ValueError, IndexTrouble) as error:
        return problem(request, HTTPStatus.BAD_REQUEST, "problem_page.not_read", why=str(error))
    except LeveretError as error:
        return refused(request, error)
    if not plan.edits and not plan.refused:
        return problem(request, HTTPStatus.NOT_FOUND, "problem_page.not_there", what=key)
    lines = difference(site, plan.edits[0]) if plan.edits else []
    why = plan.refused[0].why if plan.refused else ""
    status = HTTPStatus.OK if plan.edits else HTTPStatus.UNPROCESSABLE_ENTITY
    values = {"key": key, "data": entered["data"], "entered": entered, "lines": lines, "refused": why}
    return render(request, "edit.html", status, seen=_seen(entered), **values)


def as_editable(data: Any) -> str:
    """Return data as indented JSON, in which what cannot be printed is escaped as JSON has it."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return "".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text)


def _seen(entered: Mapping[str, str]) -> str:
    """Return what names the data whose difference was shown; other data is shown before it is written."""
    return hashlib.sha256(entered["data"].encode(errors="surrogatepass")).hexdigest()
