"""What a contract allows: values checked against its JSON Schema."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from msgspec import Meta, Struct

from leveret.contracts.diff.nodes import used_types
from leveret.contracts.schemas import Schema
from leveret.wire.codec import encode_json
from leveret.wire.masking import shown

_LONGEST: Final = 200
_READ_AS: Final[Mapping[str, Any]] = {
    "any-date-time": datetime,
    "date-time": Annotated[datetime, Meta(tz=True)],
    "naive-date-time": Annotated[datetime, Meta(tz=False)],
    "any-time": time,
    "time": Annotated[time, Meta(tz=True)],
    "partial-time": Annotated[time, Meta(tz=False)],
    "date": date,
    "duration": timedelta,
    "uuid": UUID,
    "decimal": Decimal,
    "whole-number": int,
    "number": float,
}
_FORMATS: Final = FormatChecker(formats=())


class Refusal(Struct, frozen=True):
    """Why a schema does not allow a value.

    Attributes:
        place: where in the value, such as ``items[*].title``; empty for the whole.
        rule: the word of JSON Schema that is broken.
        text: what is wrong.
    """

    place: str
    rule: str
    text: str


class Allowed:
    """Checks values against one schema of a contract.

    Args:
        schema: the schema; an empty one allows everything.
        types: the types to which it refers.
    """

    def __init__(self, schema: Schema, types: Mapping[str, Schema]) -> None:
        self._validator: Any = Draft202012Validator(
            {**schema, "types": used_types(schema, types)}, format_checker=_FORMATS
        )

    def __contains__(self, value: Any) -> bool:
        return bool(self._validator.is_valid(value))

    def refusals(self, value: Any) -> list[Refusal]:
        """Return why a value is not allowed, for each place; nothing if it is."""
        found = (best_match([error]) for error in self._validator.iter_errors(value))
        return [_refusal(error) for error in found if error is not None]


def _refusal(error: ValidationError) -> Refusal:
    steps = ["[*]" if isinstance(step, int) else f".{step}" for step in error.absolute_path]
    text, value = error.message, repr(error.instance)
    if text.startswith(value):  # it begins with the value in the words of Python
        text = encode_json(error.instance).decode() + text.removeprefix(value)
    return Refusal("".join(steps).removeprefix("."), str(error.validator), shown(text, _LONGEST))


def _reads(kind: Any) -> Callable[[object], bool]:
    def fits(value: object) -> bool:
        if not isinstance(value, str):  # a format is a rule for texts alone
            return True
        try:
            msgspec.convert(value, kind, strict=kind not in (int, float))
        except msgspec.ValidationError:
            return False
        return True

    return fits


def _is_base64(value: object) -> bool:
    try:
        base64.b64decode(value if isinstance(value, str) else "", validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


for _name, _kind in _READ_AS.items():
    _FORMATS.checks(_name)(_reads(_kind))
_FORMATS.checks("base64")(_is_base64)
