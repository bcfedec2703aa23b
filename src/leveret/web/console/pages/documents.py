"""The documents of the application: to take away, and what they say of one action."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from leveret.api import Action
from leveret.application import Application
from leveret.contracts.asyncapi import build_asyncapi
from leveret.contracts.openapi import build_openapi
from leveret.contracts.schemas import Schema
from leveret.contracts.statuses import PROBLEMS
from leveret.contracts.writing import document_text
from leveret.web.console.pages.page import allowed, problem, site_of
from leveret.web.console.site import Site

_BUILDERS: Final[Mapping[str, Callable[[Site], Schema]]] = {
    "openapi.json": lambda site: build_openapi(site.app),
    "asyncapi.json": lambda site: build_asyncapi(site.app, site.topology),
}

DOCUMENTS: Final = (("OpenAPI 3.1", "/documents/openapi.json"), ("AsyncAPI 3.1", "/documents/asyncapi.json"))
"""The documents, with their paths."""


class ShownRoute(Struct, frozen=True):
    """A route over HTTP, as the OpenAPI document has it.

    Attributes:
        pattern: method and path.
        headers: names of the headers that a request may have.
        answers: each status, with a few words.
    """

    pattern: str
    headers: Sequence[str]
    answers: Sequence[tuple[str, str]]


class Described(Struct, frozen=True):
    """What the documents say of an action.

    Attributes:
        request: an example of a request, as it travels over RabbitMQ; None if none was found.
        reply: an example of its reply; None if none was found.
        errors: each code with which it may be refused, and what the caller does.
        routes: its routes over HTTP.
    """

    request: Any
    reply: Any
    errors: Sequence[tuple[str, str]]
    routes: Sequence[ShownRoute]


@allowed("viewer")
async def download(request: Request) -> Response:
    """Send one of the documents, as a file to keep."""
    name = request.path_params["name"]
    if (build := _BUILDERS.get(name)) is None:
        return problem(request, HTTPStatus.NOT_FOUND, "problem_page.no_page")
    headers = {"Content-Disposition": f'attachment; filename="{site_of(request).app.name}-{name}"'}
    return Response(document_text(build(site_of(request))), HTTPStatus.OK, headers, "application/json")


def described(app: Application[Any], action: Action) -> Described:
    """Return what the documents say of an action of an application."""
    document = build_asyncapi(app)
    messages, operation = document["components"]["messages"], document["operations"][action.full_name]
    names = [each["$ref"].rpartition("/")[2] for each in operation["reply"]["messages"]]
    codes = [name.removeprefix("error.") for name in names if name.startswith("error.")]
    return Described(
        _example(messages[f"{action.full_name}.request"]),
        _example(messages[f"{action.full_name}.ok"]),
        [(code, PROBLEMS[code].advice) for code in codes if code in PROBLEMS],
        _routes(app, action),
    )


def _example(message: Schema) -> Any:
    return next((each["payload"] for each in message.get("examples", [])), None)


def _routes(app: Application[Any], action: Action) -> Sequence[ShownRoute]:
    document = build_openapi(app)
    return [
        _shown(route.pattern, document["paths"][route.path][route.method.lower()], document["components"])
        for route in app.routes
        if route.full_name == action.full_name
    ]


def _shown(pattern: str, operation: Schema, components: Schema) -> ShownRoute:
    parameters = [_resolved(each, components["parameters"]) for each in operation["parameters"]]
    answers = {status: _resolved(each, components["responses"]) for status, each in operation["responses"].items()}
    return ShownRoute(
        pattern,
        [each["name"] for each in parameters if each["in"] == "header"],
        [(status, HTTPStatus(int(status)).phrase) for status in answers],
    )


def _resolved(found: Schema, components: Schema) -> Schema:
    named: Schema = components[found["$ref"].rpartition("/")[2]] if "$ref" in found else found
    return named
