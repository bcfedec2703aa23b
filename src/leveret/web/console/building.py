"""Makes the web application of a console: its pages, with the guard in front."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from leveret.errors import StorageUnavailable
from leveret.observe.http_counts import HttpCounts
from leveret.web.console.entering.guard import ConsoleGuard
from leveret.web.console.operations import OperationTasks
from leveret.web.console.pages import (
    actions,
    archive,
    audit,
    documents,
    editing,
    letters,
    operations,
    overview,
    preferences,
    redrive,
    requests,
    sign_in,
    trying,
)
from leveret.web.console.pages.files import AssetFiles
from leveret.web.console.pages.page import problem
from leveret.web.console.pages.unforeseen import UnforeseenErrors
from leveret.web.console.showing.templates import ASSETS
from leveret.web.console.site import Site
from leveret.web.console.watching import SystemWatch
from leveret.web.measuring import beating


def build_console(site: Site, counts: HttpCounts | None = None) -> Starlette:
    """Make the web application; it keeps nothing that another console of the same application would need.

    Args:
        site: what its pages know.
        counts: told that the event loop moves; None where nobody asks.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.watch = SystemWatch(site)
        app.state.letters = asyncio.Lock()
        app.state.operations = OperationTasks()
        try:
            async with app.state.watch.running(), beating(counts) if counts else contextlib.nullcontext():
                yield
        finally:
            await app.state.operations.close()

    made = Starlette(
        routes=_routes(),
        middleware=[Middleware(ConsoleGuard, site=site), Middleware(UnforeseenErrors)],
        exception_handlers={HTTPException: _refused, StorageUnavailable: _away},
        lifespan=lifespan,
    )
    made.state.site = site
    return made


def _routes() -> list[Route | Mount]:
    return [
        Route("/", overview.show),
        Route("/live/overview", overview.live),
        Route("/letters", letters.show),
        Route("/letters/what-if", letters.try_letters, methods=["POST"]),
        Route("/letters/note", letters.note, methods=["POST"]),
        Route("/letters/{key}", letters.show_one),
        Route("/letters/{key}/edit", editing.show, methods=["GET"]),
        Route("/letters/{key}/edit", editing.change, methods=["POST"]),
        Route("/edit", editing.show_many, methods=["GET"]),
        Route("/edit", editing.change_many, methods=["POST"]),
        Route("/redrive", redrive.show, methods=["GET"]),
        Route("/redrive", redrive.choose, methods=["POST"]),
        Route("/archive", archive.show, methods=["GET"]),
        Route("/archive", archive.change, methods=["POST"]),
        Route("/discard", archive.ask, methods=["POST"]),
        Route("/discard", archive.ask_all, methods=["GET"]),
        Route("/operations", operations.show, methods=["GET"]),
        Route("/operations", redrive.begin, methods=["POST"]),
        Route("/operations/{name}", operations.show_one, methods=["GET"]),
        Route("/operations/{name}", operations.change, methods=["POST"]),
        Route("/live/operations/{name}", operations.live),
        Route("/audit", audit.show),
        Route("/request", requests.show),
        Route("/try", trying.show, methods=["GET"]),
        Route("/try", trying.send, methods=["POST"]),
        Route("/actions", actions.show),
        Route("/actions/{version}/{name}", actions.show_one),
        Route("/documents/{name}", documents.download),
        Route("/sign-in", sign_in.show, methods=["GET"]),
        Route("/sign-in", sign_in.enter, methods=["POST"]),
        Route("/sign-out", sign_in.leave, methods=["POST"]),
        Route("/preferences", preferences.change, methods=["POST"]),
        Route("/health/live", _alive),
        Mount("/assets", AssetFiles(directory=ASSETS)),
    ]


async def _alive(_request: Request) -> Response:
    """Say that the console runs; it asks nobody, so that a broker that is away does not restart it."""
    return PlainTextResponse("ok\n")


async def _refused(request: Request, error: Exception) -> Response:
    """Answer what Starlette refuses: a page that is not there, a method that it does not have."""
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    key = "problem_page.no_page" if status == HTTPStatus.NOT_FOUND else "problem_page.refused"
    return problem(request, status, key)


async def _away(request: Request, error: Exception) -> Response:
    """Answer when the console's own database does not."""
    return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, "problem_page.away", why=str(error))
