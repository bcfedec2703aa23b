"""Examples of inputs and outputs, made from their schemas, and kept only if the decoders take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from leveret.api import Action
from leveret.contracts.schemas import Schema, Schemas
from leveret.errors import InvalidRequest

NONE: Final = object()
"""Stands for an example that cannot be made."""

_DEEPEST: Final = 4
"""Levels below which only what is required is shown."""

_MOMENT: Final = "2026-01-02T03:04:05Z"
_FORMATS: Final[Mapping[str, str]] = {
    "date-time": _MOMENT,
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "PT5S",
    "uuid": "f81d4fae-7dec-4bce-8d1b-3a0c91e6bf6a",
    "decimal": "12.50",
}
_NAMES: Final[Mapping[str, str]] = {"email": "ada@example.org", "date": "2026-01-02", "at": _MOMENT}
_MOMENTS: Final[Mapping[str, str]] = {**_NAMES, "date": _MOMENT}
"""What a text in a field with such a last word shows. Schemas of msgspec call some moments a text, and no more."""


def input_example(action: Action, schemas: Schemas) -> Any:
    """Return data for an action that its decoder takes; an empty object for no input, ``NONE`` if none was found."""
    schema = schemas.inputs[action.full_name]
    if schema is None:
        return {}
    for found in _candidates(schema, schemas.types):
        try:
            action.arguments(found)
        except (InvalidRequest, ValueError, TypeError):
            continue
        return found
    return NONE


def output_example(action: Action, schemas: Schemas) -> Any:
    """Return what an action may return, as JSON; ``NONE`` if none was found."""
    for found in _candidates(schemas.outputs[action.full_name], schemas.types):
        try:
            msgspec.json.decode(msgspec.json.encode(found), type=action.output)
        except (msgspec.ValidationError, ValueError, TypeError):
            continue
        return found
    return NONE


def _candidates(schema: Schema, types: Mapping[str, Schema]) -> list[Any]:
    """Return examples with all fields, and with those that are required."""
    return [
        _Making(types, every, names).value(schema, "", 0) for every in (True, False) for names in (_NAMES, _MOMENTS)
    ]


class _Making:
    """Makes one example."""

    def __init__(self, types: Mapping[str, Schema], every: bool, names: Mapping[str, str]) -> None:
        self._types = types
        self._names = names
        self._every = every

    def value(self, schema: Schema, name: str, depth: int) -> Any:
        if "$ref" in schema:
            return self.value({**self._types[schema["$ref"].rpartition("/")[2]], **_without_ref(schema)}, name, depth)
        if named := _named(schema):
            return named[0]
        if "anyOf" in schema:
            return self._one_of(schema["anyOf"], name, depth)
        return self._of_type(schema, name, depth)

    def _one_of(self, alternatives: list[Schema], name: str, depth: int) -> Any:
        """Return an example of the first alternative that is not null; below the deepest level, of null."""
        nulls = [each for each in alternatives if each.get("type") == "null"]
        if nulls and depth > _DEEPEST:
            return None
        return self.value(next((each for each in alternatives if each not in nulls), alternatives[0]), name, depth)

    def _of_type(self, schema: Schema, name: str, depth: int) -> Any:
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, name, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "string":
            return self._text(schema, name)
        if kind in ("integer", "number"):
            return _number(schema)
        return {"boolean": True, "null": None}.get(kind or "", {})

    def _object(self, schema: Schema, name: str, depth: int) -> Any:
        required = schema.get("required", [])
        every = self._every and depth < _DEEPEST
        found = {
            key: self.value(field, key, depth + 1)
            for key, field in schema.get("properties", {}).items()
            if every or key in required
        }
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and not found and every:
            found = {self._key(schema): self.value(more, name, depth + 1)}
        return found

    def _key(self, schema: Schema) -> str:
        return str(self.value({"type": "string", **schema.get("propertyNames", {})}, "name", 0))

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        fixed = [self.value(each, name, depth + 1) for each in schema.get("prefixItems", [])]
        items = schema.get("items")
        few = int(self._every and depth < _DEEPEST)
        more = max(schema.get("minItems", 0), few) - len(fixed) if isinstance(items, dict) else 0
        return fixed + [self.value(items or {}, name, depth + 1) for _ in range(more)]

    def _text(self, schema: Schema, name: str) -> str:
        if schema.get("contentEncoding") == "base64":
            return "AAEC"
        found = _FORMATS.get(schema.get("format", "")) or self._names.get(name.rpartition("_")[2]) or name or "text"
        return found.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", len(found) + 1000)]


def _named(schema: Schema) -> list[Any]:
    """Return the values that a schema names itself, the best one first; none where it names none."""
    fixed = [schema["const"]] if "const" in schema else []
    default = [schema["default"]] if schema.get("default") else []
    return [*schema.get("examples", []), *fixed, *default, *schema.get("enum", [])]


def _without_ref(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "$ref"}


def _number(schema: Schema) -> int | float:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    step = schema.get("multipleOf", 1)
    found: int | float = -(-low // step) * step
    most: int | float = schema.get("maximum", schema.get("exclusiveMaximum", found + 1) - step)
    return min(found, most)
