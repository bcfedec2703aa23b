"""Words for people: errors of msgspec, and how many there are of something."""

from __future__ import annotations

import msgspec


def in_words(error: msgspec.ValidationError) -> str:
    """Put the field first: ``Expected `str`, got `int` - at `$.title` `` begins with its reason."""
    reason, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").removeprefix(".")
    return f"Field {field}: {reason}" if field else reason


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number and a noun in its number: ``1 letter``, ``2 letters``.

    Args:
        number: how many.
        noun: the word for one of them.
        plural: the word for several; by default the noun with an ``s``.
    """
    return f"{number} {noun}" if number == 1 else f"{number} {plural or f'{noun}s'}"
