"""What a conformance run finds: one record for each thing that was checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct


class ConformanceCheck(Struct, frozen=True, omit_defaults=True):
    """One thing that was checked.

    Attributes:
        rule: the group that it belongs to, such as ``requests``: a file of vectors, or a section of docs/protocol.md.
        name: what was checked, such as the name of a vector.
        state: it is as it should be, it is not, or it was not tried.
        expected: what should be seen.
        seen: what was seen, or why it was not tried.
    """

    rule: str
    name: str
    state: Literal["pass", "fail", "skip"]
    expected: str = ""
    seen: str = ""


def compared(rule: str, name: str, expected: Any, seen: Any) -> ConformanceCheck:
    """Return the check of one value: passed if what was seen equals what was expected."""
    return ConformanceCheck(rule, name, "pass" if expected == seen else "fail", shown(expected), shown(seen))


def judged(rule: str, name: str, well: object, expected: str, seen: Any = "") -> ConformanceCheck:
    """Return the check of a condition, with what holds where it is true, and what was seen."""
    return ConformanceCheck(rule, name, "pass" if well else "fail", expected, shown(seen))


def skipped(rule: str, name: str, why: str) -> ConformanceCheck:
    """Return the check of what was not tried."""
    return ConformanceCheck(rule, name, "skip", seen=why)


def failed(checks: Sequence[ConformanceCheck]) -> list[ConformanceCheck]:
    """Return the checks that are not as they should be."""
    return [check for check in checks if check.state == "fail"]


def shown(value: Any, longest: int = 300) -> str:
    """Return a value as a text in one line, cut if it is long."""
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return text if len(text) <= longest else f"{text[:longest]}..."
