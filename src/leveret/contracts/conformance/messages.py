"""The properties of a vector, with what its words stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from leveret.amqp import Properties

_NOW: Final = re.compile(r"\$now([+-]\d+)?")

_USUAL: Final = {
    "reply_to": "$reply",
    "correlation_id": "$asked",
    "content_type": "application/json",
    "delivery_mode": 2,
}


def filled(properties: Mapping[str, Any], words: Mapping[str, Any]) -> Properties:
    """Return the properties of a vector.

    Args:
        properties: as they stand in the vector.
        words: what its words stand for, such as ``$reply``; ``$now`` in POSIX milliseconds.
    """
    return Properties(**{name: _value(value, words) for name, value in (_USUAL | dict(properties)).items()})


def _value(value: Any, words: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _value(member, words) for name, member in value.items()}
    if isinstance(value, str) and (found := _NOW.fullmatch(value)):
        return words["$now"] + int(found[1] or 0)
    return words.get(value, value) if isinstance(value, str) else value
