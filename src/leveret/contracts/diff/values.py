"""Values that try a schema: each limit of it, and each of its parts by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from leveret.contracts.diff.limits import ValueLimits, is_within
from leveret.contracts.diff.nodes import type_name
from leveret.contracts.diff.texts import texts
from leveret.contracts.schemas import Schema

UNKNOWN: Final = "a field that nobody knows"
"""Name of a field that no contract has; what is open for more fields takes it."""

_DEEPEST: Final = 4
_MOST_ITEMS: Final = 1000
_ANYTHING: Final[tuple[Any, ...]] = (None, True, 0, 1.5, "a", [], {}, [None], {"a": None})

Path = tuple[str | int, ...]
Inside = tuple[str, ...]


class ValueChange(Struct, frozen=True):
    """A value that differs from another one in one place.

    Attributes:
        path: names and positions that lead to the place.
        value: what stands there; ``GONE`` where nothing does.
    """

    path: Path
    value: Any

    def of(self, base: Any) -> Any:
        """Return a value with the change."""
        return _put(base, self.path, self.value)


class _Gone:
    pass


GONE: Final = _Gone()
"""The value of a change that takes a field away."""


class Values:
    """Makes values for schemas.

    Args:
        types: the types to which schemas refer.
        limits: what values are made of.
    """

    def __init__(self, types: Mapping[str, Schema], limits: ValueLimits) -> None:
        self._types = types
        self._limits = limits

    def simplest(self, schema: Schema, depth: int = 0) -> Any:
        """Return the plainest value for a schema; it need not fit, where rules contradict what is plain."""
        schema = self.resolved(schema)
        if alternatives := _alternatives(schema):
            return self.simplest(min(alternatives, key=self._weight), depth)
        match _kind(schema):
            case "object":
                names = schema.get("required", []) if depth < _DEEPEST else []
                made = {name: self.simplest(self.field(schema, name), depth + 1) for name in names}
                return made or dict(self._objects(schema, self.simplest(self.further(schema), depth + 1)))
            case "array":
                return self._array(schema, schema.get("minItems", 0), depth)
        return next(iter(self.plain(schema)), None)

    def changes(self, schema: Schema, base: Any, path: Path = (), inside: Inside = ()) -> Iterator[ValueChange]:
        """Return changes of a value, each in one place; not all of them fit the schema.

        Args:
            schema: of the value.
            base: the value.
            path: where it stands.
            inside: names of the types around it; a type that holds itself is not changed inside of itself.
        """
        if name := type_name(schema):
            if name in inside:
                yield ValueChange(path, self.simplest(schema, len(path)))
                return
            inside = (*inside, name)
        schema = self.resolved(schema)
        if alternatives := _alternatives(schema):
            for each in alternatives:
                yield from self._changed_alternative(each, base, path, inside)
            return
        kind = _kind(schema)
        if kind == "object" and isinstance(base, dict):
            yield from self._changed_fields(schema, base, path, inside)
        elif kind == "array" and isinstance(base, list):
            yield from self._changed_items(schema, base, path, inside)
        else:
            if kind in ("object", "array"):
                yield from self._made(schema, path, inside)
            yield from (ValueChange(path, value) for value in self.plain(schema))

    def plain(self, schema: Schema) -> Iterator[Any]:
        """Return values that are not made of others."""
        yield from schema.get("examples", ())
        if "enum" in schema or "const" in schema:
            yield from schema.get("enum", [schema.get("const")])
            return
        for kind in _kinds(schema):
            match kind:
                case "string":
                    yield from (text for text in texts(schema, self._limits) if _allows(schema, len(text), "Length"))
                case "integer" | "number":
                    numbers = (n for n in self._limits.numbers if kind == "number" or isinstance(n, int))
                    yield from (number for number in numbers if is_within(schema, number))
                case "boolean":
                    yield from (True, False)
                case "null":
                    yield None
                case "":
                    yield from _ANYTHING

    def field(self, schema: Schema, name: str) -> Schema:
        """Return the schema of a field of an object."""
        found: Schema = schema.get("properties", {}).get(name) or self.further(schema)
        return found

    def further(self, schema: Schema) -> Schema:
        """Return the schema of the fields of an object that have no names in it."""
        found = schema.get("additionalProperties")
        return found if isinstance(found, dict) else {}

    def resolved(self, schema: Schema) -> Schema:
        """Return a schema whose outermost reference is replaced by what it refers to."""
        while "$ref" in schema:
            more = {word: value for word, value in schema.items() if word != "$ref"}
            schema = {**self._types[schema["$ref"].rpartition("/")[2]], **more}
        return schema

    def _changed_alternative(self, schema: Schema, base: Any, path: Path, inside: Inside) -> Iterator[ValueChange]:
        bare = self.resolved(schema)
        if _kind(bare) == "object" and isinstance(base, dict) and not _same_tag(bare, base):
            yield from self._made(schema, path, inside)
        else:
            yield from self.changes(schema, base, path, inside)

    def _made(self, schema: Schema, path: Path, inside: Inside) -> Iterator[ValueChange]:
        """Put a new value in a place, and all changes of that value."""
        made = self.simplest(schema, len(path))
        yield ValueChange(path, made)
        yield from (ValueChange(path, change.of(made)) for change in self._nested(schema, made, path, inside))

    def _nested(self, schema: Schema, made: Any, path: Path, inside: Inside) -> Iterator[ValueChange]:
        return (
            ValueChange(change.path[len(path) :], change.value) for change in self.changes(schema, made, path, inside)
        )

    def _changed_fields(
        self, schema: Schema, base: Mapping[str, Any], path: Path, inside: Inside
    ) -> Iterator[ValueChange]:
        properties = schema.get("properties", {})
        yield from (ValueChange((*path, name), GONE) for name in base)
        for name, field in properties.items():
            if name in base:
                yield from self.changes(field, base[name], (*path, name), inside)
            else:
                yield from self._made(field, (*path, name), inside)
        if schema.get("additionalProperties", True) is True and properties:
            yield ValueChange((*path, UNKNOWN), None)
        if not properties:
            yield from self._changed_object(schema, path, inside)

    def _changed_object(self, schema: Schema, path: Path, inside: Inside) -> Iterator[ValueChange]:
        """Change an object whose fields have no names of their own."""
        made = self.simplest(self.further(schema), len(path) + 1)
        names = self._names(schema)
        yield ValueChange(path, {})
        for length in self._limits.lengths:
            if 0 < length <= min(len(names), _MOST_ITEMS):
                yield ValueChange(path, dict.fromkeys(names[:length], made))
        yield from (ValueChange(path, {name: made}) for name in names[:40])
        for change in self._nested(self.further(schema), made, path, inside):
            yield ValueChange(path, {names[0] if names else "a": change.of(made)})

    def _changed_items(self, schema: Schema, base: Sequence[Any], path: Path, inside: Inside) -> Iterator[ValueChange]:
        first = schema.get("prefixItems", [])
        for at, item in enumerate(first):
            held = base[at] if at < len(base) else self.simplest(item, len(path) + 1)
            yield from (
                ValueChange(path, [*base[:at], change.of(held), *base[at + 1 :]])
                for change in self._nested(item, held, path, inside)
            )
        if first or schema.get("items") is False:
            yield from (ValueChange(path, list(base[:length])) for length in range(len(base)))
            return
        for length in self._limits.lengths:
            if length <= _MOST_ITEMS and _allows(schema, length, "Items"):
                yield ValueChange(path, self._array(schema, length, len(path)))
        item = schema.get("items", {})
        held = base[0] if base else self.simplest(item, len(path) + 1)
        rest = list(base[1:]) or self._array(schema, max(schema.get("minItems", 0) - 1, 0), len(path))
        yield from (ValueChange(path, [change.of(held), *rest]) for change in self._nested(item, held, path, inside))

    def _array(self, schema: Schema, length: int, depth: int) -> list[Any]:
        first = [self.simplest(each, depth + 1) for each in schema.get("prefixItems", [])]
        if first or schema.get("items") is False:
            return first[: max(length, schema.get("minItems", 0))] if "minItems" in schema else first
        item = schema.get("items", {})
        made = self.simplest(item, depth + 1)
        if not schema.get("uniqueItems"):
            return [made] * length
        return _unique([made, *(change.of(made) for change in self.changes(item, made))])[:length]

    def _objects(self, schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
        if "properties" not in schema and (least := schema.get("minProperties", 0)):
            yield from ((name, value) for name in self._names(schema)[:least])

    def _names(self, schema: Schema) -> list[str]:
        names = {"type": "string", **schema.get("propertyNames", {})}
        known = [name for name in self.plain(names) if isinstance(name, str)]
        return known if "enum" in names or "format" in names else [*known, *(f"n{at}" for at in range(_MOST_ITEMS))]

    def _weight(self, schema: Schema) -> int:
        """Return how much there is to a schema: null is the plainest, an object the least plain."""
        kind = _kind(self.resolved(schema))
        return {"null": 3, "object": 2, "array": 1}.get(kind, 0)


def _alternatives(schema: Schema) -> list[Schema]:
    found: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or []
    return found


def _kinds(schema: Schema) -> list[str]:
    found = schema.get("type", "object" if "properties" in schema else "")
    return found if isinstance(found, list) else [found]


def _kind(schema: Schema) -> str:
    return "" if "enum" in schema or "const" in schema else str(_kinds(schema)[0])


def _same_tag(schema: Schema, base: Mapping[str, Any]) -> bool:
    """Return whether an object has the tags of a record: the fields that have one value only."""
    fields = schema.get("properties", {}).items()
    return all(base.get(name) in field["enum"] for name, field in fields if len(field.get("enum", ())) == 1)


def _allows(schema: Schema, size: int, what: str) -> bool:
    least, most = schema.get(f"min{what}", 0), schema.get(f"max{what}", size)
    return bool(least <= size <= most)


def _unique(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _put(base: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step, *rest = path
    if isinstance(base, list) and isinstance(step, int):
        return [*base[:step], _put(base[step], tuple(rest), value), *base[step + 1 :]]
    fields = dict(base) if isinstance(base, dict) else {}
    if value is GONE and not rest:
        return {name: held for name, held in fields.items() if name != step}
    return {**fields, str(step): _put(fields.get(str(step)), tuple(rest), value)}
