"""What a token claims, read without its key: for decisions that a worker confirms, because workers check tokens."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any, Final

import msgspec

_claims: Final = msgspec.json.Decoder(dict[str, Any])


def claimed_subject(token: str) -> str:
    """Return whom a token names; empty for nobody."""
    return str(_read(token).get("sub", ""))


def claimed_end(token: str) -> float:
    """Return when a token expires, in POSIX seconds; infinite if it does not say."""
    end = _read(token).get("exp")
    return float(end) if isinstance(end, int | float) and not isinstance(end, bool) else math.inf


def _read(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        return _claims.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return {}
