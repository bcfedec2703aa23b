"""Which inputs an action's decoder takes, found by trying: the evidence that a contract keeps.

A schema does not tell all that a decoder checks: types may have rules of their own, in ``__post_init__``. So a contract
keeps inputs that were taken, and inputs that the schema allows and that were refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from leveret.contracts.diff.allowed import Allowed
from leveret.contracts.diff.contract import TriedPlace
from leveret.contracts.diff.limits import limits_of
from leveret.contracts.diff.values import GONE, Path, ValueChange, Values
from leveret.contracts.schemas import Schema
from leveret.wire.codec import encode_json

Input = dict[str, Any]
Taken = Callable[[Input], bool]
"""Returns whether a decoder takes an input."""

_MOST_TRIES: Final = 20_000
_MOST_WORDS: Final = 40
_LONGEST: Final = 600
"""Bytes of an input that is kept."""


class Tried(Struct, frozen=True):
    """What a decoder was given.

    Attributes:
        examples: the plainest input that it takes, and the fullest; none where none was found.
        places: what it took and refused in each place of the fullest.
    """

    examples: list[Input]
    places: list[TriedPlace]


def try_inputs(schema: Schema, types: Mapping[str, Schema], taken: Taken) -> Tried:
    """Give a decoder inputs that its schema allows.

    Args:
        schema: of the input.
        types: to which it refers.
        taken: the decoder.
    """
    values, allowed = Values(types, limits_of([(schema, types)])), Allowed(schema, types)
    plainest = _plainest(schema, values, taken)
    if plainest is None:
        return Tried([], [])
    base = _fullest(schema, values, plainest, taken)
    changes = list(values.changes(schema, base))
    found: dict[Path, TriedPlace] = {}
    for change in [*changes, *_bounds(changes, base, taken)]:
        candidate = change.of(base)
        if isinstance(candidate, dict) and candidate in allowed and len(encode_json(candidate)) <= _LONGEST:
            place = found.get(change.path) or TriedPlace(at=list(change.path))
            found[change.path] = _added(place, change.value, is_taken=taken(candidate))
    return Tried([plainest, base], [place for place in found.values() if place.at])


def _added(place: TriedPlace, value: Any, *, is_taken: bool) -> TriedPlace:
    if value is GONE:
        return replace(place, may_be_absent=is_taken)
    held = place.taken if is_taken else place.refused
    if any(encode_json(value) == encode_json(each) for each in held):
        return place
    return replace(place, taken=[*held, value]) if is_taken else replace(place, refused=[*held, value])


def _plainest(schema: Schema, values: Values, taken: Taken) -> Input | None:
    """Return the plainest input that a decoder takes; None if none of those tried is."""
    schema = values.resolved(schema)
    given = schema.get("examples", [])
    for candidate in itertools.chain(given, _plain_inputs(schema, values)):
        if isinstance(candidate, dict) and taken(candidate):
            return candidate
    return None


def _plain_inputs(schema: Schema, values: Values) -> Iterator[Input]:
    yield values.simplest(schema)
    names = schema.get("required", [])
    choices = [_choices(values, values.field(schema, name)) for name in names]
    for chosen in itertools.islice(itertools.product(*choices), _MOST_TRIES):
        yield dict(zip(names, chosen, strict=True))


def _choices(values: Values, field: Schema) -> list[Any]:
    plain = values.simplest(field)
    changed = (change.of(plain) for change in values.changes(field, plain))
    return [plain, *itertools.islice(changed, _MOST_WORDS)]


def _fullest(schema: Schema, values: Values, plainest: Input, taken: Taken) -> Input:
    """Return an input with every field for which a value was found that the decoder takes."""
    schema, found = values.resolved(schema), plainest
    for name, field in schema.get("properties", {}).items():
        if name in found:
            continue
        for choice in _choices(values, field):
            if choice is not None and taken({**found, name: choice}):
                found = {**found, name: choice}
                break
    return found


def _bounds(changes: Iterable[ValueChange], base: Input, taken: Taken) -> Iterator[ValueChange]:
    """Return the longest text that is taken and the shortest that is not, for each place where there are both."""
    longest: dict[Any, tuple[int, int]] = {}
    for change in changes:
        if isinstance(change.value, str) and change.value and not change.value.strip("a"):
            least, most = longest.get(change.path, (0, 0))
            size = len(change.value)
            if taken(change.of(base)):
                longest[change.path] = max(least, size), most
            else:
                longest[change.path] = least, min(most or size, size)
    for path, (taken_size, refused_size) in longest.items():
        low, high = taken_size, refused_size
        if not 0 < low < high:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            fits = taken(ValueChange(path, "a" * middle).of(base))
            low, high = (middle, high) if fits else (low, middle)
        yield ValueChange(path, "a" * low)
        yield ValueChange(path, "a" * high)
