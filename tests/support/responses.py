"""Responses as a worker writes them."""

from typing import Any

from leveret.wire.codec import encode_json
from leveret.wire.envelope import Reply


def ok(request_id: str, data: Any) -> bytes:
    """Write the response of an action that succeeded."""
    return encode_json(Reply(request_id, "ok", data))
