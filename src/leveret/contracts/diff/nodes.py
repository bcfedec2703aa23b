"""The parts of a schema: those that it has inside, and the types to which it refers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leveret.contracts.schemas import Schema

_VALUES = ("default", "enum", "const", "examples")
_NAMED = ("properties", "patternProperties")


def nodes(schema: Schema, types: Mapping[str, Schema]) -> Iterator[Schema]:
    """Return each schema in a schema, and in the types to which it refers."""
    waiting: list[Any] = [schema, *used_types(schema, types).values()]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting += _parts(found)


def used_types(schema: Schema, types: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the types to which a schema refers, at any depth."""
    found: dict[str, Schema] = {}
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if not isinstance(part, dict):
            continue
        name = type_name(part)
        if name and name not in found:
            found[name] = types[name]
            waiting.append(types[name])
        waiting += _parts(part)
    return found


def places(schema: Schema, types: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the record that stands in each place of a value: ``items[*]`` with the fields that it has."""
    found: dict[str, Schema] = {}
    waiting: list[tuple[str, Any, tuple[str, ...]]] = [("", schema, ())]
    while waiting:
        place, part, inside = waiting.pop()
        if not isinstance(part, dict):
            continue
        if (name := type_name(part)) and name not in inside:  # a record may hold itself
            waiting.append((place, types[name], (*inside, name)))
        if "properties" in part:
            found[place] = part
            for field, inner in part["properties"].items():
                waiting.append((f"{place}.{field}".removeprefix("."), inner, inside))
        waiting += [(place, each, inside) for word in ("anyOf", "oneOf") for each in part.get(word, ())]
        waiting += [(f"{place}[*]", each, inside) for each in (part.get("items"), part.get("additionalProperties"))]
    return found


def without_names(schema: Any, types: Mapping[str, Schema], inside: tuple[str, ...] = ()) -> Any:
    """Return a schema in which each type stands in the place of its name; one that holds itself is a number there."""
    if isinstance(schema, list):
        return [without_names(each, types, inside) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        word: without_names(each, types, inside) for word, each in schema.items() if not _is_discriminator(word, each)
    }
    if name := type_name(schema):
        found["$ref"] = inside.index(name) if name in inside else without_names(types[name], types, (*inside, name))
    return found


def type_name(schema: Schema) -> str:
    """Return the name of the type to which a schema refers; empty if it refers to none."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _parts(schema: Schema) -> Iterator[Any]:
    for word, value in schema.items():
        if word in _NAMED:
            yield from value.values()
        elif word not in _VALUES:
            yield from value if isinstance(value, list) else [value]


def _is_discriminator(word: str, value: Any) -> bool:
    return word == "discriminator" and isinstance(value, dict) and "mapping" in value
