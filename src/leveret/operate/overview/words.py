"""Durations and rates as people read them in an overview."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def shown_seconds(seconds: float) -> str:
    """Return a duration in one unit: ``4 ms``, ``1.5 s``, ``12 s``, ``3 min``, ``2 h``, ``5 d``."""
    if seconds < 1.0:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
    if seconds < 10.0:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    size, unit = next(pair for pair in _UNITS if seconds >= pair[0])
    return f"{seconds / size:.0f} {unit}"


def shown_rate(rate: float | None) -> str:
    """Return how many a second: ``-`` where nobody knows, ``0``, ``0.4``, ``12``, ``1,200``."""
    if rate is None:
        return "-"
    return "0" if rate == 0 else f"{rate:.1f}" if rate < 10 else f"{rate:,.0f}"


def shown_count(count: int | None) -> str:
    """Return a number with commas; ``-`` where nobody knows."""
    return "-" if count is None else f"{count:,}"
