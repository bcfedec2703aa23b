"""Puts errors of msgspec into our words."""

from __future__ import annotations

import msgspec


def in_words(error: msgspec.ValidationError) -> str:
    """Put the field first: ``Expected `str`, got `int` - at `$.title` `` begins with its reason."""
    reason, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").removeprefix(".")
    return f"Field {field}: {reason}" if field else reason
