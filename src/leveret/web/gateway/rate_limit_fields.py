"""The fields ``RateLimit-Policy`` and ``RateLimit`` (draft-ietf-httpapi-ratelimit-headers-11)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from leveret.api import Action, RateLimit

CODE: Final = "rate_limited"
USER: Final = "user"
"""Name of the policy that counts all requests of a user."""


def policies(action: Action, limit: RateLimit | None) -> list[tuple[str, RateLimit]]:
    """Return the limits that hold for an action, each with the name of its policy; none for public actions.

    Args:
        action: the action.
        limit: that of all requests of a user; None without one.
    """
    if action.public:
        return []
    own = action.rate_limit
    return [*([(USER, limit)] if limit else []), *([(own.action, own)] if own else [])]


def policy_field(found: list[tuple[str, RateLimit]]) -> dict[str, str]:
    """Return the field that tells which limits hold; none if there is no limit."""
    items = [f'"{name}";q={limit.most};w={_seconds(limit.window)}' for name, limit in found]
    return {"RateLimit-Policy": ", ".join(items)} if items else {}


def refused_field(found: list[tuple[str, RateLimit]], details: Mapping[str, Any]) -> dict[str, str]:
    """Return the field that tells when there is room again, of the limit over which a request was.

    Args:
        found: the limits that hold.
        details: of the refusal.
    """
    most, remaining, after = details.get("limit"), details.get("remaining"), details.get("retry_after")
    over = [name for name, limit in found if limit.most == most]
    if not over or not isinstance(remaining, int) or not isinstance(after, int | float):
        return {}
    return {"RateLimit": f'"{over[-1]}";r={remaining};t={math.ceil(after)}'}


def _seconds(window: timedelta) -> int:
    return max(math.ceil(window.total_seconds()), 1)
