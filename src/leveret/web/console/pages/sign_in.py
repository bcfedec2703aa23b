"""The pages to sign in and out."""

from __future__ import annotations

from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from leveret.errors import StorageUnavailable
from leveret.web.console.entering.signing_in import SignIn, login_of, sign_in, sign_in_with_token
from leveret.web.console.pages.page import local_path, render, site_of
from leveret.web.console.security.attempts import counted_address
from leveret.web.console.security.store import ABSOLUTE
from leveret.web.console.site import Site


async def show(request: Request) -> Response:
    """Show the form; whoever has signed in already goes on."""
    if request.state.visitor is not None:
        return RedirectResponse(local_path(request.query_params.get("next")), HTTPStatus.SEE_OTHER)
    return _form(request, SignIn(), request.query_params.get("next"))


async def enter(request: Request) -> Response:
    """Sign in; a session of before ends, so that nobody can have planted it."""
    site, form = site_of(request), await request.form()
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    address = _address(request)
    try:
        outcome = await _outcome(site, given, address)
        if outcome.token is None:
            return _form(request, outcome, given.get("next"), given.get("name", ""))
        if request.state.visitor is not None:
            await run_in_threadpool(site.store.end_session, request.state.visitor.session)
    except StorageUnavailable as error:
        return _form(request, SignIn(refused="problem_page.away", said=str(error)), given.get("next"))
    return _entered(site, outcome.token, local_path(given.get("next")))


async def leave(request: Request) -> Response:
    """Sign out: the session ends at the server, not only in this browser."""
    site = site_of(request)
    if request.state.visitor is not None:
        await run_in_threadpool(site.store.end_session, request.state.visitor.session)
    answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(site.cookie, path="/", secure=site.options.encrypted, httponly=True, samesite="lax")
    return answer


def _address(request: Request) -> str:
    peer = request.client.host if request.client else ""
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    return counted_address(peer, forwarded if site_of(request).options.behind_proxy else None)


async def _outcome(site: Site, given: dict[str, str], address: str) -> SignIn:
    if token := given.get("token", "").strip():
        return await sign_in_with_token(site, token, address)
    return await sign_in(site, given.get("name", "").strip(), given.get("password", ""), address)


def _entered(site: Site, token: str, onward: str) -> Response:
    answer = RedirectResponse(onward, HTTPStatus.SEE_OTHER)
    secure, life = site.options.encrypted, int(ABSOLUTE)
    answer.set_cookie(site.cookie, token, max_age=life, path="/", secure=secure, httponly=True, samesite="lax")
    return answer


def _form(request: Request, outcome: SignIn, onward: str | None, name: str = "") -> Response:
    site = site_of(request)
    refused = HTTPStatus.TOO_MANY_REQUESTS if outcome.wait else HTTPStatus.UNAUTHORIZED
    answer = render(
        request,
        "sign_in.html",
        refused if outcome.refused else HTTPStatus.OK,
        outcome=outcome,
        onward=local_path(onward),
        name=name,
        has_login=login_of(site.app) is not None,
        has_tokens=site.keyring is not None,
        filled=site.development,
        command=site.app.shown_command("console user add NAME --role operator"),
    )
    if outcome.wait:
        answer.headers["Retry-After"] = str(outcome.wait)
    return answer
