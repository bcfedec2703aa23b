"""The pages of actions: what each does, takes, returns and refuses, from the registry."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from leveret.api import Action
from leveret.errors import UnknownAction
from leveret.web.console.pages.documents import DOCUMENTS, described
from leveret.web.console.pages.page import allowed, problem, render, site_of


@allowed("viewer")
async def show(request: Request) -> Response:
    """List all actions; the filter is part of the address."""
    wanted = request.query_params.get("q", "").strip().lower()
    actions = sorted(site_of(request).app, key=lambda action: (action.name, action.version))
    found = [each for each in actions if wanted in each.full_name.lower() or wanted in each.description.lower()]
    return render(
        request,
        "actions.html",
        actions=found,
        all=len(actions),
        wanted=request.query_params.get("q", ""),
        documents=DOCUMENTS,
    )


@allowed("viewer")
async def show_one(request: Request) -> Response:
    """Show one action."""
    try:
        action = site_of(request).app.find(request.path_params["version"], request.path_params["name"])
    except UnknownAction as error:
        return problem(request, HTTPStatus.NOT_FOUND, "problem_page.not_there", what=str(error))
    return render(
        request,
        "action.html",
        action=action,
        takes=schema_of(action.input),
        returns=schema_of(action.output),
        errors=[(error.code, _first_line(error)) for error in action.errors],
        described=described(site_of(request).app, action),
    )


def schema_of(kind: Any) -> dict[str, Any] | None:
    """Return the JSON Schema of a type; None for none, and for one that cannot be described."""
    if kind is None:
        return None
    try:
        found = msgspec.json.schema(kind)
    except TypeError:
        return None
    return _resolved(found)


def summary(action: Action) -> str:
    """Return the first line of what an action says of itself."""
    return action.description.partition("\n")[0]


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema whose outermost reference is replaced by what it refers to."""
    reference, parts = schema.get("$ref", ""), schema.get("$defs", {})
    name = reference.rpartition("/")[2]
    if name not in parts:
        return schema
    others = {key: value for key, value in parts.items() if key != name}
    return {**parts[name], **({"$defs": others} if others else {})}


def _first_line(error: type[Exception]) -> str:
    return (error.__doc__ or "").strip().partition("\n")[0]
