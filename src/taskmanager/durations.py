"""Durations as settings write them: ``300ms``, ``5s``, ``2m``, ``1h``, ``7d``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_WRITTEN: Final = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")


def parse_duration(text: str) -> timedelta:
    """Read a whole number with its unit.

    Raises:
        ValueError: it is not one, or longer than a timedelta holds; the text says what is expected.
    """
    written = _WRITTEN.fullmatch(text.strip())
    if not written:
        raise ValueError(f"{text!r} is no duration: write a whole number and a unit, such as 300ms, 5s, 2m, 1h or 7d")
    try:
        return int(written[1]) * _UNITS[written[2]]
    except OverflowError as error:
        raise ValueError(f"{text!r} is too long for a duration") from error


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit that needs no fraction; milliseconds are the smallest."""
    for unit, size in _UNITS.items():
        if duration and duration % size == timedelta(0):
            return f"{duration // size}{unit}"
    return f"{duration // _UNITS['ms']}ms"
