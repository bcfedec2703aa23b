"""Durations as people write them in settings, and as queues are named after them: ``300ms``, ``5s``, ``2m``, ``7d``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_DAY: Final = "d"
_UNITS: Final = {
    _DAY: timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_WRITTEN: Final = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")


def parse_duration(text: str) -> timedelta:
    """Read a whole number with its unit.

    Raises:
        ValueError: the text is not a duration, or is longer than a timedelta holds; the error says what is expected.
    """
    written = _WRITTEN.fullmatch(text.strip())
    if not written:
        raise ValueError(
            f"{text!r} is not a duration: write a whole number and a unit, such as 300ms, 5s, 2m, 1h or 7d"
        )
    try:
        return int(written[1]) * _UNITS[written[2]]
    except OverflowError as error:
        raise ValueError(f"{text!r} is too long for a duration") from error


def is_whole(duration: timedelta) -> bool:
    """Return whether a duration is a whole number of milliseconds, in which the broker and names of queues count."""
    return duration % _UNITS["ms"] == timedelta(0)


def format_duration(duration: timedelta, *, days: bool = True) -> str:
    """Write a duration in the largest unit that needs no fraction; what is below a millisecond is left out.

    Args:
        duration: zero or longer.
        days: days are a unit. Names of queues have none: a delay of one day has had the queue ``...retry.24h`` since
            the first version, and messages wait in it.
    """
    for unit, size in _UNITS.items():
        if duration and duration % size == timedelta(0) and (days or unit != _DAY):
            return f"{duration // size}{unit}"
    return f"{duration // _UNITS['ms']}ms"
