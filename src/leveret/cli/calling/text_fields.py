"""Which fields of an action's input take a text, so that ``name=123`` is sent as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import inspect

_TEXTS: Final = (
    inspect.StrType,
    inspect.BytesType,
    inspect.ByteArrayType,
    inspect.MemoryViewType,
    inspect.DateTimeType,
    inspect.DateType,
    inspect.TimeType,
    inspect.TimeDeltaType,
    inspect.UUIDType,
    inspect.DecimalType,
)
"""What JSON writes as a text; a decimal as well, because a JSON number may lose digits."""

_RECORDS: Final = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType, inspect.NamedTupleType)


def text_fields(wanted: Any) -> frozenset[str]:
    """Return the names of an input's fields that take a text, whatever else they take.

    Args:
        wanted: the type of the input; None for an action without one.
    """
    fields = _fields(wanted) if wanted is not None else None
    return frozenset(field.encode_name for field in fields or () if _takes_text(field.type))


def field_names(wanted: Any) -> frozenset[str] | None:
    """Return the names of an input's fields; None if they are not known.

    Args:
        wanted: the type of the input; None for an action without one.
    """
    if wanted is None:
        return frozenset()
    fields = _fields(wanted)
    return None if fields is None else frozenset(field.encode_name for field in fields)


def _fields(wanted: Any) -> Sequence[inspect.Field] | None:
    try:
        kind = inspect.type_info(wanted)
    except (TypeError, NameError):  # msgspec does not know the type; then there is nothing to be known of its fields
        return None
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind.fields if isinstance(kind, _RECORDS) else None


def _takes_text(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _takes_text(kind.type)
    if isinstance(kind, inspect.UnionType):
        return any(map(_takes_text, kind.types))
    if isinstance(kind, inspect.LiteralType):
        return any(isinstance(value, str) for value in kind.values)
    if isinstance(kind, inspect.EnumType):
        return any(isinstance(member.value, str) for member in kind.cls)
    return isinstance(kind, _TEXTS)
