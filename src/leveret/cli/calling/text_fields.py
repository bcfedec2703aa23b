"""Which fields of an action's input take a text, so that ``name=123`` is sent as one."""

from __future__ import annotations

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
    if wanted is None:
        return frozenset()
    try:
        kind = inspect.type_info(wanted)
    except (TypeError, NameError):  # msgspec does not know the type; then there is nothing to be known of its fields
        return frozenset()
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if not isinstance(kind, _RECORDS):
        return frozenset()
    return frozenset(field.encode_name for field in kind.fields if _takes_text(field.type))


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
