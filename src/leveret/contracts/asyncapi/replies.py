"""The messages that workers answer with. Each reply to an action is exactly one of those that its operation names."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from leveret.api import Action
from leveret.contracts.asyncapi.dialect import in_draft_07
from leveret.contracts.asyncapi.requests import AMQP, EXAMPLE_ID
from leveret.contracts.examples import NONE, output_example
from leveret.contracts.schemas import Schema, Schemas
from leveret.contracts.statuses import PROBLEMS
from leveret.wire.envelope import CONTENT_TYPE

_ALWAYS: Final = (
    "invalid_request",
    "unknown_action",
    "overloaded",
    "deadline_exceeded",
    "retries_exhausted",
    "internal",
)
_WITH_TOKEN: Final = ("unauthenticated", "rate_limited")
_WITH_EFFECT: Final = ("id_reused",)


def error_codes(action: Action) -> Sequence[str]:
    """Return the codes with which requests for an action may be refused, as far as they are known before."""
    codes = [*_ALWAYS, *(() if action.public else _WITH_TOKEN), *(_WITH_EFFECT if action.writes else ())]
    codes += [error.code for error in action.errors]
    codes += [] if action.rate_limit is None else ["rate_limited"]
    return list(dict.fromkeys(codes))


def replies_of(action: Action, schemas: Schemas) -> Mapping[str, Schema]:
    """Return the messages with which an action answers, by their names; those of codes are the same for all actions."""
    codes = error_codes(action)
    found = {f"{action.full_name}.ok": _result(action, schemas)}
    found.update({f"error.{code}": _error(code, action) for code in codes})
    found[f"{action.full_name}.other_error"] = _other_error(action, codes)
    return found


def _result(action: Action, schemas: Schemas) -> Schema:
    data = in_draft_07(schemas.outputs[action.full_name])
    fields = {"status": {"type": "string", "const": "ok"}, "data": data, "error": {"type": "null"}}
    found = _reply(f"{action.full_name}.ok", f"Result of {action.full_name}", fields, ["data"])
    if (example := output_example(action, schemas)) is not NONE:
        found["examples"] = [_example({"status": "ok", "data": example, "error": None})]
    return found


def _error(code: str, action: Action) -> Schema:
    """Return the message of a code; what a code of the application's own means, its error says."""
    if code in PROBLEMS:
        title, text = PROBLEMS[code].title, f"What the caller does: {PROBLEMS[code].advice}"
    else:
        title, text = code, next(inspect.getdoc(error) or "" for error in action.errors if error.code == code)
    found = _reply(f"error.{code}", title, _error_fields({"const": code}), ["error", "code"])
    found["description"] = text
    found["examples"] = [_example({"status": "error", "data": None, "error": f"{title}: ...", "code": code})]
    return found


def _other_error(action: Action, codes: Sequence[str]) -> Schema:
    fields = _error_fields({"not": {"enum": list(codes)}})
    found = _reply(f"{action.full_name}.other_error", f"Other error of {action.full_name}", fields, ["error", "code"])
    found["description"] = "A refusal with a code that the action does not declare; error says what happened."
    return found


def _error_fields(code: Schema) -> Schema:
    return {
        "status": {"type": "string", "const": "error"},
        "data": {"type": "null"},
        "error": {"type": "string", "description": "One sentence for a person."},
        "code": {"type": "string", **code},
        "details": {"type": ["object", "null"], "description": "More about the error, where that helps."},
    }


def _reply(name: str, title: str, fields: Schema, required: Sequence[str]) -> Schema:
    correlation = {"type": "string", "description": "The request's id."}
    return {
        "name": name,
        "title": title,
        "contentType": CONTENT_TYPE,
        "correlationId": {"$ref": "#/components/correlationIds/request"},
        "headers": {"$ref": "#/components/schemas/ReplyHeaders"},
        "payload": {
            "type": "object",
            "properties": {"correlation_id": correlation, **fields},
            "required": ["correlation_id", "status", *required],
        },
        "bindings": AMQP,
    }


def _example(payload: Mapping[str, Any]) -> Schema:
    return {"headers": {"correlation_id": EXAMPLE_ID}, "payload": {"correlation_id": EXAMPLE_ID, **payload}}


def reply_headers() -> Schema:
    """Return the schema of a reply's properties."""
    correlation = {"type": "string", "description": "The property correlation_id, as it was in the request."}
    return {"type": "object", "properties": {"correlation_id": correlation}, "required": ["correlation_id"]}
