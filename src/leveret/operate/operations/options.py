"""How letters are sent again: in which steps, how fast, and when that stops by itself. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

MOST_STEPS: Final = 20
"""Steps of one operation."""

FASTEST: Final = 100_000.0
"""Letters a second that a rate may name."""

_RATE: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(?:/(s|m|h))?")
_UNITS: Final = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_ALL: Final = "all"


class RedriveOptions(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an operation sends letters again.

    Attributes:
        steps: how many letters each step has; the rest of them is one more step.
        rate: letters a second at most; None for no limit.
        stop_after: how many letters may fail again, at which it stops; None for no limit.
        named: somebody named these very letters, so they are sent although workers died on them.
        wait: seconds for which nothing new has to be learned until a step is over; what is not known by then stays
            unknown. It should be longer than all retries of a request.
    """

    steps: tuple[int, ...] = ()
    rate: float | None = None
    stop_after: int | None = None
    named: bool = False
    wait: float = 30.0


class Step(Struct, frozen=True):
    """A part of an operation.

    Attributes:
        number: from 1.
        of: how many steps there are.
        places: the places of its letters in the operation, from 0.
    """

    number: int
    of: int
    places: range

    @property
    def is_last(self) -> bool:
        """Whether no step follows."""
        return self.number == self.of


def steps_of(total: int, sizes: tuple[int, ...]) -> tuple[Step, ...]:
    """Return the steps for that many letters; those without any letter are left out."""
    found = list(_places(total, sizes))
    return tuple(Step(number, len(found), places) for number, places in enumerate(found, 1))


def _places(total: int, sizes: tuple[int, ...]) -> Iterator[range]:
    begin = 0
    for size in (*sizes, total):
        if begin < total:
            yield range(begin, min(begin + size, total))
        begin += size


def read_steps(text: str) -> tuple[int, ...]:
    """Read steps such as ``1,5,50,all``; ``all`` is left out in what is returned.

    Raises:
        ValueError: it is not of that form; the text says what is expected.
    """
    *sizes, last = [part.strip() for part in text.split(",")]
    if last != _ALL or not all(each.isascii() and each.isdigit() and 0 < int(each) < 10**6 for each in sizes):
        raise ValueError(f"{text!r} are not steps: expected numbers above 0 and then all, such as 1,5,50,all")
    if len(sizes) >= MOST_STEPS:
        raise ValueError(f"{len(sizes) + 1} steps: expected {MOST_STEPS} at most")
    return tuple(map(int, sizes))


def read_rate(text: str) -> float:
    """Read a rate such as ``200/s``, ``30/m`` or ``100/h``; a number alone is for each second.

    Raises:
        ValueError: it is not of that form; the text says what is expected.
    """
    found = _RATE.fullmatch(text.strip())
    rate = float(found[1]) / _UNITS[found[2]] if found else 0.0
    if not 0 < rate <= FASTEST:
        raise ValueError(f"{text!r} is not a rate: expected a number above 0 and a unit, such as 200/s, 30/m or 100/h")
    return rate
