"""The limits that schemas name: the values at which they may tell one value from another."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from leveret.contracts.diff.nodes import nodes
from leveret.contracts.schemas import Schema

_NUMBERS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_LENGTHS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_USUAL_NUMBERS: Final = (0, 1, -1, 2, 100, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63))
_USUAL_LENGTHS: Final = (0, 1, 2, 50, 300)
_INT64: Final = range(-(2**63), 2**63)
_LONGEST: Final = 5000


class ValueLimits(Struct, frozen=True):
    """What values are made of, so that each limit of some schemas has one on either side.

    Attributes:
        numbers: whole and broken ones.
        lengths: of texts, arrays and objects.
        patterns: that texts have to fit.
        words: values that stand in the schemas.
    """

    numbers: tuple[float, ...]
    lengths: tuple[int, ...]
    patterns: tuple[str, ...]
    words: tuple[Any, ...]


def limits_of(schemas: Iterable[tuple[Schema, Mapping[str, Schema]]]) -> ValueLimits:
    """Return the limits in some schemas, each with the types to which it refers."""
    numbers: list[float] = list(_USUAL_NUMBERS)
    lengths, steps = list[int](), list[float]()
    patterns, words = list[str](), list[Any]()
    for node in itertools.chain.from_iterable(itertools.starmap(nodes, schemas)):
        numbers += [node[word] for word in _NUMBERS if word in node]
        lengths += [node[word] for word in _LENGTHS if word in node]
        steps += [node["multipleOf"]] if "multipleOf" in node else []
        patterns += [node["pattern"]] if "pattern" in node else []
        words += node.get("enum", []) + ([node["const"]] if "const" in node else [])
    near = [number + step for number in numbers for step in (0, -1, 1, 0.5)]
    near += [math.floor(number / step) * step + offset for step in steps for number in numbers for offset in (0, step)]
    return ValueLimits(
        tuple(dict.fromkeys(map(_plain, filter(_fits, near)))),
        tuple(
            sorted({*_USUAL_LENGTHS, *(n + step for n in lengths for step in (-1, 0, 1) if 0 <= n + step <= _LONGEST)})
        ),
        tuple(dict.fromkeys(patterns)),
        tuple({(type(word), word): word for word in words if isinstance(word, str | int | None)}.values()),
    )


def is_within(schema: Schema, number: float) -> bool:
    """Return whether a number is within the bounds of a schema, and a multiple of what it names."""
    return (
        schema.get("minimum", number) <= number <= schema.get("maximum", number)
        and ("exclusiveMinimum" not in schema or number > schema["exclusiveMinimum"])
        and ("exclusiveMaximum" not in schema or number < schema["exclusiveMaximum"])
        and ("multipleOf" not in schema or number % schema["multipleOf"] == 0)
    )


def _fits(number: float) -> bool:
    return math.isfinite(number) and (number != int(number) or int(number) in _INT64)


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number
