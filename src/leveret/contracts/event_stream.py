"""The stream of events as OpenAPI describes it."""

from __future__ import annotations

from typing import Final

from leveret.contracts.schemas import Schema

EVENT_STREAM: Final = "/events"
"""Path of the stream of the caller's own events."""

_TEXT: Final = (
    "Server-sent events (WHATWG HTML), without an end. The data of each is a CloudEvent 1.0.2 in JSON; `event` is its "
    "type, and `id` is what `Last-Event-ID` takes. The event `reset` tells that events behind `Last-Event-ID` are not "
    "kept any more. A comment comes every 15 seconds."
)


def event_stream(problems: Schema) -> Schema:
    """Return the operation.

    Args:
        problems: references to the responses that are problems, by their status.
    """
    last_id: Schema = {
        "name": "Last-Event-ID",
        "in": "header",
        "schema": {"type": "string", "maxLength": 128},
        "description": "The `id` of the last event that was read: what came after it is sent first.",
    }
    return {
        "operationId": "events",
        "summary": "Follow the caller's own events.",
        "description": _TEXT,
        "tags": ["events"],
        "parameters": [last_id, {"$ref": "#/components/parameters/RequestId"}],
        "responses": {
            "200": {
                "description": "The stream.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **problems,
        },
        "security": [{"token": []}],
    }


def cloud_event() -> Schema:
    """Return the schema of the data of one event."""
    texts = {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "No other event has it."},
        "source": {"type": "string", "format": "uri-reference"},
        "type": {"type": "string", "description": "What happened, with the version of `data`."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "requestid": {"type": "string", "description": "Id of the request that did it."},
        "subject": {"type": "string", "description": "What it happened to."},
    }
    return {
        "title": "CloudEvent",
        "description": "An event of the stream at /events.",
        "type": "object",
        "properties": {**texts, "data": {"description": "What is told of it; its form follows from `type`."}},
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "requestid", "data"],
    }
