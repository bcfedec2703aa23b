"""Texts that try a schema: by its format, by its pattern, and those that programs stumble over."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import rstr

from leveret.contracts.diff.limits import ValueLimits
from leveret.contracts.schemas import Schema

_SAMPLES: Final = 24
_CHANGED: Final = ("A", "b", "7", "_", "-", ".", " ", "é", "\n")
_UUID: Final = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
_DAY: Final = "2026-12-31"
_EMAIL: Final = "ada@example.org"
_MOMENTS: Final = (f"{_DAY}T23:59:58Z", f"{_DAY}T23:59:58.250000+05:30")
_NAIVE: Final = (f"{_DAY}T23:59:58", f"{_DAY}T00:00:00.500000")
_FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "any-date-time": (*_MOMENTS, *_NAIVE),
    "date-time": _MOMENTS,
    "naive-date-time": _NAIVE,
    "any-time": ("23:59:58", "23:59:58Z"),
    "time": ("23:59:58Z", "23:59:58+05:30"),
    "partial-time": ("23:59:58", "23:59:58.250000"),
    "date": (_DAY, "0001-01-01"),
    "duration": ("PT1.5S", "P1D"),
    "uuid": (_UUID,),
    "decimal": ("1.5", "-10"),
    "whole-number": ("1", "-1", "100"),
    "number": ("1.5", "-1"),
    "email": (_EMAIL,),
    "uri": ("https://example.org/a?b=c",),
}
_USUAL: Final = (
    *("a", "", " ", "A", "1", "1.5", "true", "null", "é", "\U0001f600", "a b", "\n", '"', "a,b", "P1D", "YQ=="),
    *("23:59:58", _DAY, *_MOMENTS, *_NAIVE, _UUID, _EMAIL, "https://example.org/a?b=c", "correct horse 1"),
)


class _Bounded(random.Random):
    """Takes the least or the most of each range, so that a pattern's shortest and longest texts are made."""

    def __init__(self, *, most: bool) -> None:
        super().__init__(0)
        self._most = most

    def randint(self, a: int, b: int) -> int:
        return b if self._most else a


def texts(schema: Schema, limits: ValueLimits) -> Iterator[str]:
    """Return texts that try a schema; not all of them fit it."""
    known = schema.get("format", "")
    if known in _FORMATS:
        yield from _FORMATS[known]
    if schema.get("contentEncoding") == "base64" or known == "base64":
        yield from (base64.b64encode(b"a" * length).decode() for length in limits.lengths)
    if "pattern" in schema:
        yield from _fitting(schema["pattern"])
    else:
        yield from _USUAL
        yield from ("a" * length for length in limits.lengths)
    for pattern in limits.patterns:
        if pattern != schema.get("pattern"):
            yield from _fitting(pattern)
    yield from (word for word in limits.words if isinstance(word, str))


@lru_cache(maxsize=256)
def _fitting(pattern: str) -> tuple[str, ...]:
    """Return texts that fit a pattern: short and long ones, some by chance, and some with one character changed."""
    try:
        made = [rstr.Rstr(_Bounded(most=most)).xeger(pattern) for most in (False, True)]
        chance: Any = rstr.Rstr(random.Random(pattern))  # noqa: S311 -- the same ones each time
        made += [chance.xeger(pattern) for _ in range(_SAMPLES)]
    except (ValueError, KeyError, NotImplementedError, re.error):
        return ()
    first = made[0] or made[1]
    changed = [first[:at] + sign + first[at + cut :] for sign in _CHANGED for at, cut in ((0, 1), (len(first), 0))]
    return tuple(text for text in dict.fromkeys([*made, *changed]) if re.search(pattern, text))
