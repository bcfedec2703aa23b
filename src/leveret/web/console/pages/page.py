"""What all pages have in common: who may see them, and how they are rendered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from leveret.web.console.languages.catalogue import Language, chosen
from leveret.web.console.security.roles import Role, Visitor
from leveret.web.console.showing.findings import blind_text, problem_advice, problem_link, problem_text
from leveret.web.console.showing.moments import ago, span
from leveret.web.console.showing.templates import environment
from leveret.web.console.site import Site

Handler = Callable[[Request], Awaitable[Response]]
"""A handler of requests."""

NAVIGATION: Final = (
    ("nav.overview", "/"),
    ("nav.letters", "/letters"),
    ("nav.operations", "/operations"),
    ("nav.audit", "/audit"),
    ("nav.request", "/request"),
    ("nav.try", "/try"),
    ("nav.actions", "/actions"),
)
"""The pages of the menu: the key of each name, and its address."""

THEMES: Final = ("auto", "light", "dark")
"""What a person may choose; ``auto`` follows the system."""


def allowed(role: Role) -> Callable[[Handler], Handler]:
    """Let only people who have a role, or more, reach a handler; others are sent to sign in, or refused."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def checked(request: Request) -> Response:
            visitor: Visitor | None = request.state.visitor
            if visitor is None:
                return _to_sign_in(request)
            if not visitor.may(role):
                return problem(request, HTTPStatus.FORBIDDEN, "problem_page.role", role=role)
            return await handler(request)

        checked.allowed = role  # type: ignore[attr-defined]  # a test reads it of every route
        return checked

    return decorate


def site_of(request: Request) -> Site:
    """Return what the console knows."""
    found: Site = request.app.state.site
    return found


def speech_of(request: Request) -> Language:
    """Return the language of the person who asks."""
    return chosen(request.cookies.get("language"), request.headers.get("accept-language", ""))


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(page_text(request, template, **values), status)


def page_text(request: Request, template: str, **values: Any) -> str:
    """Return the text of a page, or of a part of one."""
    site, speech = site_of(request), speech_of(request)
    theme = request.cookies.get("theme", "auto")
    common = {
        "say": speech.say,
        "count": speech.count,
        "retell": speech.retell,
        "knows": speech.knows,
        "lang": speech.code,
        "ago": partial(ago, now=site.clock(), speech=speech),
        "span": partial(span, speech=speech),
        "problem_text": partial(problem_text, speech=speech),
        "problem_advice": partial(problem_advice, speech=speech),
        "problem_link": problem_link,
        "blind_text": partial(blind_text, speech=speech),
        "nonce": request.state.nonce,
        "visitor": request.state.visitor,
        "app_name": site.app.name,
        "banner": site.settings.environment,
        "theme": theme if theme in THEMES else "auto",
        "themes": THEMES,
        "navigation": NAVIGATION,
        "here": request.url.path,
        "address": _address(request),
    }
    return environment().get_template(template).render(common | values)


def problem(request: Request, status: HTTPStatus, key: str, **values: Any) -> HTMLResponse:
    """Return a page that says what went wrong; what the framework says in it is said in the reader's language."""
    speech = speech_of(request)
    said = speech.say(key, **{name: speech.retell(text) if name == "why" else text for name, text in values.items()})
    return render(request, "problem.html", status, number=int(status), said=said)


def local_path(text: str | None) -> str:
    """Return a path of this console that somebody wants to go to; the front page if the text is not one."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")) or not text.isprintable():
        return "/"
    return text


def _address(request: Request) -> str:
    """Return path and query of a request."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _to_sign_in(request: Request) -> Response:
    if request.state.away:
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, "problem_page.away", why=request.state.away)
    if "hx-request" in request.headers or request.method != "GET":
        return problem(request, HTTPStatus.UNAUTHORIZED, "problem_page.signed_out")
    return RedirectResponse(f"/sign-in?next={quote(_address(request))}", HTTPStatus.SEE_OTHER)
