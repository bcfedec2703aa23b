"""What the type of a field is: questions that changes of records ask."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import Meta, UnsetType


def bare(kind: Any) -> Any:
    return bare(get_args(kind)[0]) if get_origin(kind) is Annotated else kind


def members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def has_null(kind: Any) -> bool:
    return type(None) in members(kind)


def is_one_of(*wanted: Any) -> Callable[[Any], bool]:
    return lambda kind: bare(kind) in wanted and get_origin(kind) is not Annotated


def is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum) and issubclass(kind, str)


def is_bounded(kind: Any) -> bool:
    return (
        get_origin(kind) is Annotated and bare(kind) is int and any(isinstance(each, Meta) for each in get_args(kind))
    )


def is_set(kind: Any) -> bool:
    return UnsetType in members(kind)
