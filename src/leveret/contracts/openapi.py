"""OpenAPI 3.1 of an application's routes, from the registry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from msgspec import Struct

from leveret.api import Action, Route
from leveret.api.route import BODY_METHODS
from leveret.application import Application
from leveret.contracts.event_stream import EVENT_STREAM, cloud_event, event_stream
from leveret.contracts.schemas import Schema, Schemas, schemas_of
from leveret.contracts.statuses import PROBLEMS, ProblemType

VERSION: Final = "3.1.1"

_ALWAYS: Final = (
    "invalid_request",
    "not_acceptable",
    "overloaded",
    "deadline_exceeded",
    "retries_exhausted",
    "no_answer",
)
_WITH_BODY: Final = ("too_large", "unsupported_media_type")
_WITH_KEY: Final = ("id_reused", "in_progress")
_OF_STREAM: Final = (*_ALWAYS, "unauthenticated", "rate_limited")
_KEY_TEXT: Final = (
    "Makes the request safe to repeat: with the same key it has its effect once, and gets the first answer again. A "
    "text in quotation marks or a bare token, of 1 to 128 printable ASCII characters, new for each request."
)
_IN_QUOTES: Final = r"!#-\[\]-~"
_KEY: Final = rf'^([!#-~]([ -~]{{0,126}}[!-~])?|"[{_IN_QUOTES}]([ {_IN_QUOTES}]{{0,126}}[{_IN_QUOTES}])?")$'
_LITERAL: Final = re.compile(r"\{[^{}]*\}")


def build_openapi(app: Application[Any], server: str = "/") -> Schema:
    """Return the document that describes an application's routes.

    Args:
        app: the application; all of its actions are registered.
        server: where the gateway is found.
    """
    routes = app.routes
    schemas = schemas_of(app.find(route.version, route.name) for route in routes)
    names = _operation_ids(routes)
    paths: dict[str, dict[str, Schema]] = {}
    for route in routes:
        action = app.find(route.version, route.name)
        operation = _Operation(route, action, schemas, names[route.pattern]).document()
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    types = {**schemas.types, "Problem": _problem_schema()}
    if app.events:
        paths.setdefault(EVENT_STREAM, {"get": event_stream(_problems(_OF_STREAM))})
        types["CloudEvent"] = cloud_event()
    return {
        "openapi": VERSION,
        "info": {"title": app.name, "version": app.version or "0"},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": types,
            "responses": _problem_responses(),
            "parameters": _parameters(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


class _Operation(Struct, frozen=True):
    """One operation: what a route takes and answers."""

    route: Route
    action: Action
    schemas: Schemas
    name: str

    def document(self) -> Schema:
        summary, _, more = self.action.description.partition("\n")
        found: Schema = {"operationId": self.name, "summary": summary, "tags": [self.action.version]}
        if more.strip():
            found["description"] = more.strip()
        if self.action.deprecated:
            found["deprecated"] = True
        found["parameters"] = [*self._path_parameters(), *self._query_parameters(), *self._headers()]
        if self.route.method in BODY_METHODS and self._input is not None:
            found["requestBody"] = self._body()
        found["responses"] = self._responses()
        found["security"] = [] if self.action.public else [{"token": []}]
        return found

    @property
    def _input(self) -> Schema | None:
        schema = self.schemas.inputs[self.action.full_name]
        return None if schema is None else self.schemas.resolved(schema)

    def _fields(self) -> Mapping[str, Schema]:
        fields: Mapping[str, Schema] = (self._input or {}).get("properties", {})
        return fields

    def _required(self) -> Sequence[str]:
        return [*(self._input or {}).get("required", []), *self.route.needs]

    def _path_parameters(self) -> list[Schema]:
        fields = self._fields()
        return [
            {"name": name, "in": "path", "required": True, "schema": fields.get(name, {"type": "string"})}
            for name in self.route.parameters
        ]

    def _query_parameters(self) -> list[Schema]:
        if self.route.method in BODY_METHODS:
            return []
        needed = self._required()
        return [
            {"name": name, "in": "query", "required": name in needed, "schema": _in_query(field, needed=name in needed)}
            for name, field in self._fields().items()
            if name not in self.route.parameters
        ]

    def _headers(self) -> list[Schema]:
        key = "NeededKey" if self.route.needs_key else "Key" if self.action.writes else None
        return [{"$ref": f"#/components/parameters/{name}"} for name in (key, "RequestId") if name]

    def _body(self) -> Schema:
        schema = self.schemas.inputs[self.action.full_name] or {}
        if self.route.parameters:
            schema = self._without_path(self._input or {})
        needed = bool(set(self._required()) - set(self.route.parameters))
        return {"required": needed, "content": {"application/json": {"schema": schema}}}

    def _without_path(self, schema: Schema) -> Schema:
        """Return the schema of an input without the fields that stand in the path."""
        outside = set(self.route.parameters)
        fields = {name: field for name, field in schema.get("properties", {}).items() if name not in outside}
        required = [name for name in schema.get("required", []) if name not in outside]
        return {"type": "object", "properties": fields, "required": required}

    def _responses(self) -> Schema:
        return {str(self.route.status): self._success(), **_problems(self._codes())}

    def _codes(self) -> list[str]:
        codes = [*_ALWAYS, *(error.code for error in self.action.errors)]
        codes += _WITH_BODY if self.route.method in BODY_METHODS else ()
        codes += _WITH_KEY if self.action.writes else ()
        codes += () if self.action.public else ("unauthenticated", "rate_limited")
        return codes

    def _success(self) -> Schema:
        status = HTTPStatus(self.route.status)
        headers = {"Request-Id": {"schema": {"type": "string"}, "description": "Id of the request, for operators."}}
        found: Schema = {"description": status.phrase, "headers": headers}
        if status != HTTPStatus.NO_CONTENT:
            found["content"] = {"application/json": {"schema": self.schemas.outputs[self.action.full_name]}}
        return found


def _operation_ids(routes: Sequence[Route]) -> Mapping[str, str]:
    """Return a name for the operation of each route: version and name of the action, and more where that is taken."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for route in sorted(routes, key=lambda each: len(each.path)):
        name = f"{route.version}_{route.name}"
        if name in taken:
            name = f"{name}_{_LITERAL.sub('', route.path).strip('/').rpartition('/')[2] or route.method.lower()}"
        while name in taken:
            name += "_"
        taken.add(name)
        found[route.pattern] = name
    return found


def _problems(codes: Sequence[str]) -> Schema:
    """Return references to the responses that are problems of these codes, by their status."""
    return {
        status: {"$ref": f"#/components/responses/{_response_name(same)}"} for status, same in _by_status(codes).items()
    }


def _by_status(codes: Sequence[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code in dict.fromkeys(codes):
        if code in PROBLEMS:
            found.setdefault(str(int(PROBLEMS[code].status)), []).append(code)
    return dict(sorted(found.items()))


def _response_name(codes: Sequence[str]) -> str:
    return f"Problem{int(PROBLEMS[codes[0]].status)}"


def _problem_responses() -> Schema:
    """Return a response for each status that a problem may have."""
    by_status: dict[int, list[tuple[str, ProblemType]]] = {}
    for code, kind in PROBLEMS.items():
        by_status.setdefault(int(kind.status), []).append((code, kind))
    return {f"Problem{status}": _problem_response(kinds) for status, kinds in by_status.items()}


def _in_query(field: Schema, *, needed: bool) -> Schema:
    """Return the schema of a field that stands in a query.

    Where a field may be a text, ``null`` is that text. A list without items leaves no trace, so a needed one has some.
    """
    kinds = field.get("anyOf") or [field]
    if any(kind.get("type") == "string" and "enum" not in kind for kind in kinds):
        kinds = [kind for kind in kinds if kind.get("type") != "null"]
    if needed:
        kinds = [{"minItems": 1, **kind} if kind.get("type") == "array" else kind for kind in kinds]
    rest = {key: value for key, value in field.items() if key != "anyOf"} if "anyOf" in field else {}
    rest = {key: value for key, value in rest.items() if key != "default" or value is not None}
    return {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, "anyOf": kinds}


def _problem_response(kinds: Sequence[tuple[str, ProblemType]]) -> Schema:
    lines = [f"`{code}`: {kind.title}. {kind.advice}" for code, kind in kinds]
    headers: Schema = {"Request-Id": {"schema": {"type": "string"}, "description": "Id of the request, for operators."}}
    if any(code in ("rate_limited", "overloaded", "broker_unavailable", "in_progress") for code, _ in kinds):
        headers["Retry-After"] = {"schema": {"type": "integer"}, "description": "Seconds after which to ask again."}
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": "\n\n".join(lines), "headers": headers, "content": content}


def _problem_schema() -> Schema:
    texts = {name: {"type": "string"} for name in ("title", "detail", "instance", "code", "request_id")}
    return {
        "title": "Problem",
        "description": "An error (RFC 9457). `code` is a stable word for programs; `request_id` is for operators.",
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "status": {"type": "integer"},
            **texts,
            "details": {"type": "object", "description": "More about the error, where that helps."},
        },
        "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    }


def _parameters() -> Schema:
    key = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "pattern": _KEY}}
    given = {"name": "X-Request-Id", "in": "header", "schema": {"type": "string"}}
    return {
        "NeededKey": {**key, "required": True, "description": _KEY_TEXT},
        "Key": {**key, "description": _KEY_TEXT},
        "RequestId": {**given, "description": "Id of the request in the caller's logs; the answer repeats it."},
    }
