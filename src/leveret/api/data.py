"""Which types are data, so that JSON becomes them and they become JSON, and which of their fields are secret."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NewType, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.inspect import (
    CustomType,
    DataclassType,
    EnumType,
    Field,
    Metadata,
    NamedTupleType,
    StructType,
    Type,
    TypedDictType,
)

T = TypeVar("T")

Secret = Annotated[T, Meta(extra={"secret": True}, extra_json_schema={"format": "password", "writeOnly": True})]
"""The type of an input field that must never be written down: ``password: Secret[str]``."""

_OWN: Final = (StructType, DataclassType, TypedDictType, NamedTupleType, EnumType)
"""What msgspec takes the classes for that an application defines."""

_WRITTEN: Final = (dict, list, tuple, set, frozenset)
"""Classes whose subclasses msgspec writes, although it does not read them."""


def why_not_read(kind: Any) -> str:
    """Return why JSON cannot be read as a type, in a few words; an empty text if it can."""
    try:
        found = next(_unknown(msgspec.inspect.type_info(kind)), None)
    except (TypeError, NameError) as error:
        return str(error)
    return f"{shown_type(found)} is not data" if found else ""


def unwritable(kind: Any) -> Any:
    """Return the class that keeps a type from being written as JSON; None if it can be written.

    A type that holds names which are not known at run time is taken for one that can be written.
    """
    try:
        known = msgspec.inspect.type_info(kind)
    except (TypeError, NameError):  # a union that msgspec writes, although it could not tell its members apart again
        return next(filter(None, map(unwritable, get_args(kind))), None)
    return next((found for found in _unknown(known) if not issubclass(found, _WRITTEN)), None)


def is_record(kind: Any) -> bool:
    """Return whether a type that is data is read from an object with fields of its own."""
    return _is_record(msgspec.inspect.type_info(kind))


def is_own(kind: Any) -> bool:
    """Return whether a type that is data is told apart from the data of others: by its class, or by its name.

    Such are classes with fields of their own, enums, unions of these, a ``NewType``, and a type that is annotated with
    more than what msgspec checks.
    """
    if isinstance(kind, NewType):
        return True
    if get_origin(kind) is Annotated:
        inner, *extras = get_args(kind)
        return is_own(inner) or not all(isinstance(extra, Meta) for extra in extras)
    if get_origin(kind) in (Union, UnionType):
        return all(is_own(member) for member in get_args(kind) if member is not NoneType)
    return isinstance(msgspec.inspect.type_info(kind), _OWN)


def secret_fields(kind: Any) -> frozenset[str]:
    """Return the names of the fields of a type, at any depth, that must never be written down."""
    return frozenset(_secrets(msgspec.inspect.type_info(kind)))  # None is a type too, that of an action without input


def shown_type(kind: Any) -> str:
    """Return a type as people write it."""
    plain = isinstance(kind, type) and get_origin(kind) is None
    return kind.__qualname__.rpartition("<locals>.")[2] if plain else str(kind)


def _unknown(known: Type) -> Iterator[type]:
    """Find the classes in a type that msgspec does not know."""
    found = (node.cls for node, _ in _walk(known, "", set()) if isinstance(node, CustomType))
    return (kind for kind in found if kind is not object)


def _is_record(known: Type) -> bool:
    match known:
        case Metadata():
            return _is_record(known.type)
        case msgspec.inspect.UnionType():
            return all(map(_is_record, known.types))
        case StructType():
            return not known.array_like
    return isinstance(known, DataclassType | TypedDictType)


def _secrets(known: Type) -> Iterator[str]:
    for node, name in _walk(known, "", set()):
        if isinstance(node, Metadata) and (node.extra or {}).get("secret"):
            yield from [name] if name else filter(None, (inner for _, inner in _walk(node.type, "", set())))


def _walk(known: Type, field: str, seen: set[tuple[int, str]]) -> Iterator[tuple[Type, str]]:
    """Walk through a type and all that it is made of, each with the name of the field that it stands in."""
    if (id(known), field) in seen:  # a record may hold itself
        return
    seen.add((id(known), field))
    yield known, field
    for name in known.__struct_fields__:
        parts = getattr(known, name)
        for part in parts if isinstance(parts, tuple) else (parts,):
            if isinstance(part, Field):
                yield from _walk(part.type, part.encode_name, seen)
            elif isinstance(part, Type):
                yield from _walk(part, field, seen)
