"""A page for each code of a problem: what it means, and what the caller does. The ``type`` of a problem leads there."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from leveret.application import Application
from leveret.contracts.statuses import PROBLEMS, UNKNOWN, problem_of
from leveret.errors import RequestError
from leveret.web.gateway.fixed import Fixed
from leveret.web.gateway.pages.html import page, text
from leveret.web.gateway.problems import HttpProblem
from leveret.web.gateway.responses import problem_response
from leveret.wire.ids import new_id


class ProblemPages:
    """Serves the pages of the codes that an application's callers may get."""

    def __init__(self, app: Application[Any]) -> None:
        known = {code: page(kind.title, partial(_known, code)) for code, kind in PROBLEMS.items()}
        self._pages: Mapping[str, Fixed] = {**_own(app), **known}

    async def answer(self, request: Request) -> Response:
        """Answer a request for the page of a code."""
        code = request.path_params["code"]
        if (found := self._pages.get(code)) is not None:
            return await found.answer(request)
        return problem_response(request, HttpProblem("unknown_path", f"No action declares the code {code}"), new_id())


def _own(app: Application[Any]) -> Mapping[str, Fixed]:
    """Return the pages of the codes that only this application has."""
    declared: dict[str, tuple[type[RequestError], list[str]]] = {}
    for action in app:
        for error in action.errors:
            declared.setdefault(error.code, (error, []))[1].append(action.full_name)
    return {
        code: page(code, partial(_declared, code, error, names))
        for code, (error, names) in declared.items()
        if code not in PROBLEMS
    }


def _known(code: str) -> str:
    kind = problem_of(code)
    registered = f'<p>Its type is <a href="{kind.type}">{text(kind.type)}</a>.</p>' if kind.type else ""
    return _body(code, kind.title, int(kind.status), f"<p>{text(kind.advice)}</p>{registered}")


def _declared(code: str, error: type[RequestError], actions: list[str]) -> str:
    about = "".join(f"<p>{text(each)}</p>" for each in (inspect.getdoc(error) or "").split("\n\n"))
    names = ", ".join(f"<code>{text(name)}</code>" for name in sorted(actions))
    return _body(code, UNKNOWN.title, int(UNKNOWN.status), f"{about}<p>Answered by {names}.</p>")


def _body(code: str, title: str, status: int, more: str) -> str:
    return (
        f'<p><a href="/">What is here</a></p><h1>{text(title)}</h1>'
        f"<dl><dt>code</dt><dd><code>{text(code)}</code></dd><dt>status</dt><dd>{status}</dd></dl>"
        f"<h2>What to do</h2>{more}"
        "<p>Every error is <code>application/problem+json</code> (RFC 9457). Its <code>detail</code> says what "
        "happened in this case; its <code>request_id</code> is what operators need.</p>"
    )
