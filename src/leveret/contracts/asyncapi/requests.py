"""The messages that callers send: one for each action and version."""

from __future__ import annotations

from typing import Any, Final

from leveret.api import Action
from leveret.contracts.asyncapi.dialect import in_draft_07
from leveret.contracts.examples import NONE, input_example
from leveret.contracts.schemas import Schema, Schemas
from leveret.wire.envelope import CONTENT_TYPE, DEADLINE, HIGHEST_PRIORITY, TIMEOUT
from leveret.wire.trace_context import TRACEPARENT, TRACESTATE

CORRELATION: Final[Schema] = {
    "location": "$message.header#/correlation_id",
    "description": "The property correlation_id: that of the request, which is its id, comes back with the reply.",
}
AMQP: Final[Schema] = {"amqp": {"contentEncoding": "utf-8", "bindingVersion": "0.3.0"}}
EXAMPLE_ID: Final = "0b6e6a0e-1f5c-4f0e-9d3c-2c4a8f7d5b11"

_TOKEN: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"  # noqa: S105 - a token for readers, signed by nobody
_ID: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 128,
    "pattern": "^[!-~]([ -~]*[!-~])?$",
    "description": "The caller's id of this request, and the key of idempotency: the same id has its effect once.",
}


def request_headers() -> Schema:
    """Return the schema of a request's properties and headers; AsyncAPI has one place for both."""
    return {
        "type": "object",
        "description": "Properties of AMQP (correlation_id, reply_to, priority) and headers.",
        "properties": {
            "correlation_id": {**_ID, "description": "The same as id."},
            "reply_to": {
                "type": "string",
                "description": (
                    "amq.rabbitmq.reply-to, or an exclusive queue with a name from the broker. Without it the request "
                    "is executed and not answered."
                ),
            },
            "priority": {"type": "integer", "minimum": 0, "maximum": HIGHEST_PRIORITY},
            DEADLINE: {"type": "integer", "description": "POSIX milliseconds after which the caller waits no more."},
            TIMEOUT: {"type": "integer", "description": "Milliseconds that the caller waits after publishing."},
            TRACEPARENT: {"type": "string", "maxLength": 55, "description": "W3C Trace Context."},
            TRACESTATE: {"type": "string", "maxLength": 512, "description": "W3C Trace Context."},
        },
    }


def request_message(action: Action, schemas: Schemas) -> Schema:
    """Return the message that asks for an action."""
    found: Schema = {
        "name": f"{action.full_name}.request",
        "title": f"Request {action.full_name}",
        "contentType": CONTENT_TYPE,
        "correlationId": {"$ref": "#/components/correlationIds/request"},
        "headers": {"$ref": "#/components/schemas/RequestHeaders"},
        "payload": _payload(action, schemas),
        "bindings": AMQP,
    }
    if action.deprecated:
        found["deprecated"] = True
    if (example := _example(action, schemas)) is not None:
        found["examples"] = [example]
    return found


def _payload(action: Action, schemas: Schemas) -> Schema:
    taken = schemas.inputs[action.full_name]
    fields: Schema = {
        "id": _ID,
        "version": {"type": "string", "const": action.version},
        "action": {"type": "string", "const": action.name},
        "data": {"type": "object"} if taken is None else in_draft_07(taken),
        "auth": {"type": "string", "description": "A JWT, with or without a leading Bearer."},
    }
    needed = ["id", "version", "action", "data", *([] if action.public else ["auth"])]
    return {"type": "object", "properties": fields, "required": needed}


def _example(action: Action, schemas: Schemas) -> Schema | None:
    data = input_example(action, schemas)
    if data is NONE:
        return None
    payload: dict[str, Any] = {"id": EXAMPLE_ID, "version": action.version, "action": action.name, "data": data}
    if not action.public:
        payload["auth"] = _TOKEN
    headers = {"correlation_id": EXAMPLE_ID, "reply_to": "amq.rabbitmq.reply-to"}
    return {"name": "request", "headers": headers, "payload": payload}
