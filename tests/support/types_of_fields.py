"""What the type of a field is: questions that changes of records ask."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import Meta, UnsetType


def bare(kind: Any) -> Any:
    return bare(get_args(kind)[0]) if get_origin(kind) is Annotated else kind


def members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def has_null(kind: Any) -> bool:
    """Return whether null fits already."""
    return type(None) in members(kind) or kind is Any or (get_origin(kind) is Literal and None in get_args(kind))


def is_one_of(*wanted: Any) -> Callable[[Any], bool]:
    return lambda kind: bare(kind) in wanted and get_origin(kind) is not Annotated


def is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum) and all(isinstance(each.value, str) for each in kind)


def is_bounded(kind: Any) -> bool:
    metas = [each for each in get_args(kind) if isinstance(each, Meta)] if get_origin(kind) is Annotated else []
    return bare(kind) is int and any(each.ge is not None and each.multiple_of is None for each in metas)


def is_set(kind: Any) -> bool:
    return UnsetType in members(kind)


def is_collection(kind: Any) -> bool:
    return get_origin(kind) in (list, set) or (get_origin(kind) is dict and bare(get_args(kind)[0]) is str)


def pattern_of(kind: Any) -> str:
    metas = [each for each in get_args(kind) if isinstance(each, Meta)] if get_origin(kind) is Annotated else []
    return next((each.pattern for each in metas if each.pattern), "")


def has_pattern(kind: Any) -> bool:
    return "64" in pattern_of(kind)


def for_one_less(kind: Any) -> Any:
    """Return the type of a text whose pattern takes 63 characters where it took 64."""
    return Annotated[str, Meta(pattern=pattern_of(kind).replace("64", "63"), max_length=80)]
