"""The document: channels, an operation for each action and version, and the messages of both sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from leveret.api import Action
from leveret.application import Application
from leveret.contracts.asyncapi.dialect import in_draft_07
from leveret.contracts.asyncapi.letters import (
    MESSAGE,
    letter_channel,
    letter_message,
    letter_operation,
    letter_types,
)
from leveret.contracts.asyncapi.replies import replies_of, reply_headers
from leveret.contracts.asyncapi.requests import CORRELATION, request_headers, request_message
from leveret.contracts.schemas import Schema, schemas_of
from leveret.topology import Topology
from leveret.wire.envelope import CONTENT_TYPE

VERSION: Final = "3.1.0"

_AMQP: Final = "0.3.0"
_ABOUT: Final = (
    "Requests travel over RabbitMQ, and each gets one reply. Publish with mandatory and wait for the confirm; ask "
    "again with the same id if no reply comes. The document is from the side of the workers: they receive requests."
)


def build_asyncapi(app: Application[Any], topology: Topology | None = None, server: str = "") -> Schema:
    """Return the document that describes what travels between an application's callers and its workers.

    Each reply to an action is exactly one of the messages that its operation names (AsyncAPI 3.1, "Operation Reply
    Object"). Schemas are in AsyncAPI's own dialect.

    Args:
        app: the application; all of its actions are registered.
        topology: names at the broker; by default those of the application without settings.
        server: URL of the broker without a user, such as ``amqps://mq.example.com/``; empty to name none.
    """
    actions = sorted(app, key=lambda action: action.full_name)
    names = topology or app.topology(app.defaults)
    schemas = schemas_of(actions)
    requests = {f"{each.full_name}.request": request_message(each, schemas) for each in actions}
    replies = {each.full_name: replies_of(each, schemas) for each in actions}
    answers = {name: message for found in replies.values() for name, message in found.items()}
    document: Schema = {
        "asyncapi": VERSION,
        "info": {"title": app.name, "version": app.version or "0", "description": _ABOUT},
        "defaultContentType": CONTENT_TYPE,
        **({"servers": {"broker": _server(server)}} if server else {}),
        "channels": {
            "requests": _requests_channel(names, requests),
            "replies": _replies_channel(answers),
            "dead_letters": letter_channel(names),
        },
        "operations": {
            **{each.full_name: _operation(each, list(replies[each.full_name])) for each in actions},
            MESSAGE: letter_operation(),
        },
        "components": {
            "schemas": {
                **{name: in_draft_07(schema) for name, schema in schemas.types.items()},
                "RequestHeaders": request_headers(),
                "ReplyHeaders": reply_headers(),
                **letter_types(),
            },
            "messages": {**requests, **answers, MESSAGE: letter_message()},
            "correlationIds": {"request": CORRELATION},
            "securitySchemes": _security(),
        },
    }
    return document


def _operation(action: Action, replies: Sequence[str]) -> Schema:
    summary, _, more = action.description.partition("\n")
    found: Schema = {
        "action": "receive",
        "channel": {"$ref": "#/channels/requests"},
        "title": action.full_name,
        "summary": summary,
        "tags": [{"name": action.version}, {"name": "writes" if action.writes else "reads"}],
        "messages": [{"$ref": f"#/channels/requests/messages/{action.full_name}.request"}],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "ack": True, "bindingVersion": _AMQP}},
        "reply": {
            "address": {"location": "$message.header#/reply_to", "description": "The property reply_to."},
            "channel": {"$ref": "#/channels/replies"},
            "messages": [{"$ref": f"#/channels/replies/messages/{name}"} for name in replies],
        },
    }
    if text := "\n\n".join(filter(None, [more.strip(), _deprecation(action)])):
        found["description"] = text
    if not action.public:
        found["security"] = [{"$ref": "#/components/securitySchemes/token"}]
    return found


def _deprecation(action: Action) -> str:
    if not action.deprecated:
        return ""
    return f"Deprecated: {action.deprecated}" if isinstance(action.deprecated, str) else "Deprecated."


def _requests_channel(names: Topology, messages: Iterable[str]) -> Schema:
    exchange = {"name": names.exchange, "type": "direct", "durable": True, "autoDelete": False}
    return {
        "address": names.requests,
        "title": "Requests",
        "description": "The routing key of all requests. Callers need the right to write to its exchange, and no more.",
        "messages": _references(messages),
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": _AMQP}},
    }


def _replies_channel(messages: Iterable[str]) -> Schema:
    exchange = {"name": "", "type": "default"}
    return {
        "address": None,
        "title": "Replies",
        "description": "Where the caller wants its reply: direct reply-to, or an exclusive queue named by the broker.",
        "messages": _references(messages),
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": _AMQP}},
    }


def _references(messages: Iterable[str]) -> Schema:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in messages}


def _security() -> Schema:
    token = "A JWT in the field auth of the request, with or without a leading Bearer."  # noqa: S105 - a text
    return {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": token},
        "broker": {"type": "userPassword", "description": "A user of the broker, who may write to the exchange."},
    }


def _server(url: str) -> Schema:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    found: Schema = {
        "host": host if parts.port is None else f"{host}:{parts.port}",
        "protocol": parts.scheme,
        "protocolVersion": "0-9-1",
        "security": [{"$ref": "#/components/securitySchemes/broker"}],
    }
    return {**found, "pathname": parts.path} if parts.path not in ("", "/") else found
