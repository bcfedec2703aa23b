"""What stands in front of all pages: the Host, the origin of a form, the person, and headers of the answer."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leveret.console.security.headers import new_nonce, security_headers
from leveret.console.security.origins import LOOPBACK, host_is_known, is_forged
from leveret.console.site import Site
from leveret.errors import StorageUnavailable

LARGEST_BODY = 1024 * 1024
"""Bytes of a form."""


class ConsoleGuard:
    """Refuses what no page of ours has sent, and finds the session of everything else.

    Args:
        app: what comes behind it.
        site: what the console knows.
    """

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = new_nonce()
        answer = self._with_headers(send, nonce, own_machine=_is_this_machine(scope))
        if refused := why_refused(scope, self._site):
            await PlainTextResponse(*refused)(scope, receive, answer)
            return
        scope.setdefault("state", {})
        scope["state"] |= {"nonce": nonce, "visitor": None, "away": None}
        if not scope["path"].startswith("/assets/"):
            await self._find_visitor(scope)
        await self._app(scope, receive, answer)

    async def _find_visitor(self, scope: Scope) -> None:
        token = HTTPConnection(scope).cookies.get(self._site.cookie)
        if token:
            try:
                scope["state"]["visitor"] = await run_in_threadpool(self._site.store.find_session, token)
            except StorageUnavailable as error:
                scope["state"]["away"] = str(error)

    def _with_headers(self, send: Send, nonce: str, *, own_machine: bool) -> Send:
        added = security_headers(nonce, hsts=self._site.options.encrypted and not own_machine)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in added.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return answer


def _is_this_machine(scope: Scope) -> bool:
    """Return whether a browser names this machine: whatever else is served at ``localhost`` may not speak TLS."""
    return host_is_known(Headers(scope=scope).get("host", ""), LOOPBACK)


def why_refused(scope: Scope, site: Site) -> tuple[str, int] | None:
    """Return text and status of the answer to a request that no page of ours has sent; None for any other."""
    headers, options = Headers(scope=scope), site.options
    host = headers.get("host", "")
    if len(headers.getlist("host")) != 1 or not host_is_known(host, options.known_hosts):
        return "This console does not have that name: add it with --name.\n", 421
    own = f"{'https' if options.encrypted else 'http'}://{host}"
    if is_forged(scope["method"], own, site=headers.get("sec-fetch-site"), origin=headers.get("origin")):
        return "This form does not come from a page of this console.\n", 403
    length = headers.get("content-length", "0")
    too_large = not length.isdigit() or int(length) > LARGEST_BODY or "transfer-encoding" in headers
    return ("The form is too large.\n", 413) if too_large else None
