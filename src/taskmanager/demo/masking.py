"""What is shown of secrets: nothing of passwords, the beginning of tokens."""

from __future__ import annotations

import re
from typing import Any, Final

_TOKEN: Final = re.compile(r"(ey[\w-]{10})[\w-]*\.[\w-]+\.[\w-]*")
_HIDDEN: Final = "********"


def presentable(value: Any) -> Any:
    """Copy a JSON value with passwords hidden and tokens shortened, at any depth."""
    if isinstance(value, dict):
        return {name: _HIDDEN if name == "password" else presentable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [presentable(member) for member in value]
    return _TOKEN.sub(r"\1...", value) if isinstance(value, str) else value
