"""Masking of secrets in what is shown: passwords are hidden, and tokens are shortened to their beginning."""

from __future__ import annotations

import re
from typing import Any, Final

_TOKEN: Final = re.compile(r"(ey[\w-]{10})[\w-]*\.[\w-]+\.[\w-]*")
_HIDDEN: Final = "********"


def presentable(value: Any) -> Any:
    """Return a copy of a JSON value in which, at any depth, passwords are hidden and tokens are shortened."""
    if isinstance(value, dict):
        return {name: _HIDDEN if name == "password" else presentable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [presentable(member) for member in value]
    return _TOKEN.sub(r"\1...", value) if isinstance(value, str) else value
