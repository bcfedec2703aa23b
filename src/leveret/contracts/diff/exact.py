"""JSON Schema that says all that a decoder checks, as far as the types of actions tell.

msgspec writes a ``datetime`` and a ``str`` with the same words, and leaves out what the keys of an object are. A
contract has to tell them apart, because a value of the one type is refused as the other. So formats are added here,
each with a name; ``allowed`` checks them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
import msgspec.inspect as kinds

from leveret.api import Action
from leveret.contracts.schemas import Schema, Schemas, is_said, schemas_of

REF: Final = "#/types/{name}"
"""Where a contract has its types."""

_TEXT_FOR_PEOPLE: Final = ("title", "description")
_RECORDS: Final = (kinds.StructType, kinds.DataclassType, kinds.TypedDictType, kinds.NamedTupleType)
_ARRAYS: Final = (kinds.ListType, kinds.SetType, kinds.FrozenSetType, kinds.VarTupleType)
_BYTES: Final = (kinds.BytesType, kinds.ByteArrayType, kinds.MemoryViewType)
_TIMES: Final = {
    (kinds.DateTimeType, None): "any-date-time",
    (kinds.DateTimeType, True): "date-time",
    (kinds.DateTimeType, False): "naive-date-time",
    (kinds.TimeType, None): "any-time",
    (kinds.TimeType, True): "time",
    (kinds.TimeType, False): "partial-time",
}

_KEYS: Final[dict[type[kinds.Type], str]] = {
    kinds.IntType: "whole-number",
    kinds.FloatType: "number",
    kinds.DateType: "date",
    kinds.UUIDType: "uuid",
    kinds.DecimalType: "decimal",
    kinds.TimeDeltaType: "duration",
}
"""Formats of the keys of an object, which are texts there."""


def exact_schemas(actions: Iterable[Action]) -> Schemas:
    """Return the schemas of what actions take and return, without texts for people."""
    known = list(actions)
    found = schemas_of(known, REF)
    roots = [kind for action in known for kind in (action.input, action.output) if is_said(kind)]
    records = _records_of(roots)
    references, _ = msgspec.json.schema_components([*roots, *records], schema_hook=lambda _: {}, ref_template=REF)
    for kind, reference in zip(records.values(), references[len(roots) :], strict=True):
        _add_fields(found.types[reference["$ref"].rpartition("/")[2]], kind)
    for action in known:
        for schema, kind in ((found.inputs, action.input), (found.outputs, action.output)):
            if is_said(kind):
                _add(schema[action.full_name] or {}, kinds.type_info(kind))
    return Schemas(
        {name: without_texts(schema) for name, schema in found.types.items()},
        {name: schema and without_texts(schema) for name, schema in found.inputs.items()},
        {name: without_texts(schema) for name, schema in found.outputs.items()},
    )


def without_texts(schema: Any) -> Any:
    """Return a schema without titles and descriptions; the names of properties stay as they are."""
    if isinstance(schema, list):
        return [without_texts(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {}
    for word, value in schema.items():
        if word in ("properties", "patternProperties"):
            found[word] = {name: without_texts(field) for name, field in value.items()}
        elif word in ("enum", "const", "default", "examples"):
            found[word] = value
        elif word not in _TEXT_FOR_PEOPLE:
            found[word] = without_texts(value)
    return found


def _records_of(roots: Iterable[Any]) -> Mapping[Any, kinds.Type]:
    """Return each record in some types by its class."""
    found: dict[Any, kinds.Type] = {}
    waiting = [kinds.type_info(root) for root in roots]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, _RECORDS):
            if kind.cls in found:
                continue
            found[kind.cls] = kind
        waiting += _parts(kind)
    return found


def _parts(kind: kinds.Type) -> Iterator[kinds.Type]:
    for name in kind.__struct_fields__:
        value = getattr(kind, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, kinds.Field):
                yield part.type
            elif isinstance(part, kinds.Type):
                yield part


def _add_fields(schema: Schema, kind: Any) -> None:
    if "properties" in schema:
        for field in kind.fields:
            _add(schema["properties"][field.encode_name], field.type)
    else:  # written as an array
        for part, field in zip(schema.get("prefixItems", ()), kind.fields, strict=False):
            _add(part, field.type)


def _add(schema: Schema, kind: kinds.Type) -> None:
    """Add to the schema of a type what msgspec leaves out."""
    kind = _bare(kind)
    if isinstance(kind, kinds.UnionType):
        for member in kind.types:
            _add_member(schema, _bare(member))
    elif known := _format(kind):
        schema["format"] = known
    elif isinstance(kind, _ARRAYS):
        _add(schema.get("items", {}), kind.item_type)
    elif isinstance(kind, kinds.TupleType):
        for part, item in zip(schema.get("prefixItems", ()), kind.item_types, strict=True):
            _add(part, item)
    elif isinstance(kind, kinds.DictType):
        _add(schema.get("additionalProperties", {}), kind.value_type)
        if names := _names(kind.key_type):
            schema["propertyNames"] = {**names, **schema.get("propertyNames", {})}


def _add_member(schema: Schema, member: kinds.Type) -> None:
    """Add to one of the alternatives; a type that can be read has one text, one array and one object at most."""
    word = "array" if isinstance(member, (*_ARRAYS, kinds.TupleType)) else "string"
    word = "object" if isinstance(member, kinds.DictType) else word
    for alternative in schema.get("anyOf", ()):
        if alternative.get("type") == word and not isinstance(member, _RECORDS):
            _add(alternative, member)


def _names(kind: kinds.Type) -> Schema:
    """Return the schema of the keys of an object, which are texts in JSON; empty for any text."""
    kind = _bare(kind)
    if isinstance(kind, kinds.EnumType):
        return {"enum": [str(each.value) for each in kind.cls]}
    if isinstance(kind, kinds.LiteralType):
        return {"enum": [str(value) for value in kind.values]}
    known = _KEYS.get(type(kind)) or _format(kind)
    return {"format": known} if known else {}


def _format(kind: kinds.Type) -> str:
    """Return the format that msgspec does not name; empty where it says all."""
    if isinstance(kind, kinds.DateTimeType | kinds.TimeType):
        return _TIMES[type(kind), kind.tz]
    return "base64" if isinstance(kind, _BYTES) else ""


def _bare(kind: kinds.Type) -> kinds.Type:
    while isinstance(kind, kinds.Metadata):
        kind = kind.type
    return kind
