"""What answers a request in which something went wrong that nobody has foreseen."""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leveret.web.console.pages.page import problem

logger: Final = logging.getLogger("leveret.console")


class UnforeseenErrors:
    """Answers with a page of the console, and logs the error with an id that stands on the page.

    It lies behind the guard, so that the page has its headers. An answer that has begun is cut off instead.

    Args:
        app: what comes behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            if begun or scope["type"] != "http":
                raise
            name = secrets.token_hex(6)
            logger.exception("an error that nobody has foreseen, %s: %s %s", name, scope["method"], scope["path"])
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            page = problem(Request(scope, receive), status, "problem_page.unforeseen", id=name)
            await page(scope, receive, send)
