"""Events as ``text/event-stream`` has them (WHATWG HTML, "Server-sent events"), each a CloudEvent in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from leveret.wire.codec import encode_json

MEDIA_TYPE: Final = "text/event-stream"

RETRY: Final = 2000
"""Milliseconds after which a reader comes back whose connection was cut."""

_LOST: Final = "Events behind Last-Event-ID are not kept any more: read everything again, this stream begins now"


def opening(position: str) -> bytes:
    """Return what a stream begins with: when to come back, and from where on, also if no event comes before."""
    return f"retry: {RETRY}\nid: {position}\n\n".encode()


def heartbeat(position: str) -> bytes:
    """Return a comment, and the position; neither is an event, and a reader that comes back is not too late."""
    return f":\nid: {position}\n\n".encode()


def reset(position: str) -> bytes:
    """Return the event that tells a reader that it may have missed some."""
    return _text(position, "reset", {"reason": _LOST})


def event_text(event: Mapping[str, Any], source: str) -> bytes:
    """Return an event as a CloudEvent 1.0.2 in its structured form.

    Args:
        event: as ``read_events`` returns it.
        source: which application it is of.
    """
    document = {
        "specversion": "1.0",
        "id": event["id"],
        "source": source,
        "type": event["type"],
        "time": event["time"],
        "datacontenttype": "application/json",
        "requestid": event["request_id"],
    }
    if subject := event.get("subject"):
        document["subject"] = subject
    return _text(event["position"], event["type"], {**document, "data": event["data"]})


def _text(position: str, kind: str, data: Any) -> bytes:
    """Return one event; JSON of ours has no line ends."""
    return f"id: {position}\nevent: {kind}\ndata: ".encode() + encode_json(data) + b"\n\n"
