"""The page of one request: where it is, and what happened to it, as far as anybody knows."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from leveret.operate.explain import explain
from leveret.web.console.pages.page import allowed, render, site_of

_LIMIT: Final = 10.0
"""Seconds that each source may take."""

_LONGEST: Final = 128
"""Characters of an id."""


@allowed("viewer")
async def show(request: Request) -> Response:
    """Show what is known of the request that the address names, or only the form."""
    site, wanted = site_of(request), request.query_params.get("id", "").strip()[:_LONGEST]
    found = None
    if wanted:
        async with request.app.state.letters:  # one page at a time looks at letters, because looking borrows them
            found = await explain(site.app, site.settings, wanted, limit=_LIMIT)
    return render(request, "request.html", wanted=wanted, found=found)
