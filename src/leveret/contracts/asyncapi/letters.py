"""The messages that workers keep for operators: requests that were given up."""

from __future__ import annotations

from typing import Any

import msgspec

from leveret.contracts.asyncapi.dialect import in_draft_07
from leveret.contracts.asyncapi.requests import AMQP, EXAMPLE_ID
from leveret.contracts.schemas import OPENAPI_REF, Schema
from leveret.topology import Topology
from leveret.wire.envelope import ATTEMPTS, CONTENT_TYPE, PRINCIPAL, RETRY_COUNT, SEAL
from leveret.wire.letter import LetterBody

MESSAGE = "dead_letter"
"""Name of the message, and of the operation that sends it."""

TYPE = "DeadLetter"
"""Name of the type of a letter's body, which no type of an application replaces."""


def letter_types() -> dict[str, Schema]:
    """Return the type of a letter's body, and the types in it, by their names."""
    _, found = msgspec.json.schema_components([LetterBody], ref_template=OPENAPI_REF)
    types: dict[str, Any] = {f"{TYPE}{_short(name)}": in_draft_07(schema) for name, schema in found.items()}
    text = msgspec.json.encode(types).decode()
    for name in found:
        text = text.replace(f'"{OPENAPI_REF.format(name=name)}"', f'"{OPENAPI_REF.format(name=TYPE + _short(name))}"')
    renamed: dict[str, Schema] = msgspec.json.decode(text)
    return renamed


def letter_channel(topology: Topology) -> Schema:
    """Return the channel of dead letters."""
    queue = {"name": topology.dead_letters, "durable": True, "exclusive": False, "autoDelete": False}
    return {
        "address": topology.dead_letters,
        "title": "Dead letters",
        "description": "Requests that were given up, for operators. Callers have no access to it.",
        "messages": {MESSAGE: {"$ref": f"#/components/messages/{MESSAGE}"}},
        "bindings": {"amqp": {"is": "queue", "queue": queue, "bindingVersion": "0.3.0"}},
    }


def letter_operation() -> Schema:
    """Return the operation that keeps a request."""
    return {
        "action": "send",
        "channel": {"$ref": "#/channels/dead_letters"},
        "title": "Keep a request that was given up",
        "summary": "A request whose attempts all failed, or that could not be answered, is kept for operators.",
        "messages": [{"$ref": f"#/channels/dead_letters/messages/{MESSAGE}"}],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": "0.3.0"}},
    }


def letter_message() -> Schema:
    """Return the message of a dead letter."""
    return {
        "name": MESSAGE,
        "title": "Dead letter",
        "description": (
            "A request that was given up, without its token and its secrets. Only with a valid seal it is a worker's."
        ),
        "contentType": CONTENT_TYPE,
        "correlationId": {"$ref": "#/components/correlationIds/request"},
        "headers": _headers(),
        "payload": {"$ref": OPENAPI_REF.format(name=TYPE)},
        "bindings": AMQP,
        "examples": [_example()],
    }


def _headers() -> Schema:
    fields = {
        RETRY_COUNT: {"type": "integer", "minimum": 0, "description": "How many retries lie behind the request."},
        ATTEMPTS: {"type": "array", "description": "The attempts that failed."},
        PRINCIPAL: {"type": "string", "description": "The caller whose request it was; empty for a public action."},
        SEAL: {"type": "string", "description": "HMAC-SHA256 in hexadecimal over queue, principal and body."},
    }
    identity = {"type": "string", "description": "The property correlation_id or message_id."}
    return {"type": "object", "properties": {"correlation_id": identity, "message_id": identity, **fields}}


def _example() -> Schema:
    body = {
        "failed_at": "2026-01-02T03:04:05.678Z",
        "reason": "retries exhausted: ConnectionError: the carrier does not answer",
        "request": {"id": EXAMPLE_ID, "version": "v1", "action": "ship", "data": {}},
        "headers": {},
        "message_id": "7f6c2a5e0d",
        "code": "retries_exhausted",
    }
    return {"headers": {"correlation_id": EXAMPLE_ID, RETRY_COUNT: 3, PRINCIPAL: "1"}, "payload": body}


def _short(name: str) -> str:
    return name.removeprefix("LetterBody").removeprefix("Letter")
