"""Types of functions that are actions, for calls that are typed by the function; only type checkers need them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, Concatenate, ParamSpec, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from leveret.api import Context


class _IsDataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


class _IsAttrs(Protocol):
    __attrs_attrs__: ClassVar[Any]


_Record = Struct | _IsDataclass | _IsAttrs
_Scalar = None | int | float | str | bytes | date | time | timedelta | Decimal | UUID | Enum

T = TypeVar("T")
P = ParamSpec("P")
"""The parameters of an action behind the context."""
Record = TypeVar("Record", bound=_Record)
"""The input of an action that takes a record."""
Output = TypeVar("Output")
"""What an ``async def`` action returns when it is awaited."""
Value = TypeVar("Value", bound=_Scalar | _Record | Collection[Any])
"""What a ``def`` action returns: anything that can be written as JSON, which a coroutine cannot. Without this bound an
``async def`` action would fit too, and a type checker could not choose between the two."""

AsyncAction = Callable[Concatenate[Context[Any], P], Awaitable[Output]]
PlainAction = Callable[Concatenate[Context[Any], P], Value]
AsyncRecordAction = Callable[Concatenate[Context[Any], Record, ...], Awaitable[Output]]
"""An action that takes a record; the parameters behind it are resources, which its callers do not give."""
PlainRecordAction = Callable[Concatenate[Context[Any], Record, ...], Value]
