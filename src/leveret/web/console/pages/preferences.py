"""Language and theme, which a person chooses in the footer of every page."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from leveret.web.console.languages.catalogue import PLURALS
from leveret.web.console.pages.page import THEMES, local_path, site_of

_YEAR: Final = 365 * 24 * 3600
_CHOICES: Final = {"language": tuple(PLURALS), "theme": THEMES}


async def change(request: Request) -> Response:
    """Keep what was chosen in a cookie, and go back to the page."""
    form = await request.form()
    answer = RedirectResponse(local_path(str(form.get("next") or "")), HTTPStatus.SEE_OTHER)
    for name, choices in _CHOICES.items():
        if (value := form.get(name)) in choices:
            secure = site_of(request).options.encrypted
            answer.set_cookie(name, str(value), max_age=_YEAR, secure=secure, httponly=True, samesite="lax")
    return answer
