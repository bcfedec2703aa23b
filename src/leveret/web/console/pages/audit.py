"""The page of the audit: who changed what, when and why; the newest change first."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from leveret.errors import LeveretError
from leveret.sql.audit_rows import AuditEntry
from leveret.web.console.pages.page import allowed, problem, render, site_of
from leveret.web.console.records import history

PAGE: Final = 30
"""Entries on a page."""


@allowed("viewer")
async def show(request: Request) -> Response:
    """Show the entries that the address asks for."""
    fields = {name: request.query_params.get(name, "").strip() for name in ("incident", "operation")}
    before = request.query_params.get("before", "")
    try:
        found = await history(site_of(request), PAGE + 1, before=before, **fields)
    except LeveretError as error:
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, "problem_page.no_records", why=str(error))
    entries, wanted = found[:PAGE], {name: value for name, value in fields.items() if value}
    return render(
        request,
        "audit.html",
        entries=[(entry, details_of(entry)) for entry in entries],
        fields=fields,
        filtered=bool(wanted),
        onward=_onward(found, wanted),
    )


def details_of(entry: AuditEntry) -> object:
    """Return what else an entry says; its text as it is, if it is not JSON."""
    try:
        return msgspec.json.decode(entry.details_json)
    except msgspec.DecodeError:
        return entry.details_json


def _onward(found: Sequence[AuditEntry], wanted: dict[str, str]) -> str:
    return urlencode([*wanted.items(), ("before", found[PAGE - 1].id)]) if len(found) > PAGE else ""
