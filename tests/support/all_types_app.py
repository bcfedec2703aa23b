"""An application with a field of each type that JSON can become."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NamedTuple, Required, TypedDict
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, field

from leveret import App, Context

app = App("everything", health_check=False)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Number(IntEnum):
    ONE = 1
    TWO = 2


@dataclass
class Point:
    x: int
    y: int = 0


class Options(TypedDict, total=False):
    a: Required[int]
    b: str


class Pair(NamedTuple):
    a: int
    b: str = "b"


class Row(Struct, array_like=True):
    a: int
    b: str = "b"


class Everything(Struct, frozen=True, kw_only=True):
    """A field of each type."""

    by_colour: dict[Colour, int]
    by_number: dict[int, str]
    by_word: dict[Annotated[str, Meta(min_length=2)], Annotated[int, Meta(ge=3)]]
    fixed: tuple[int, str]
    numbers: Annotated[list[Annotated[int, Meta(ge=5)]], Meta(min_length=2, max_length=4)]
    words: set[str]
    raw: Annotated[bytes, Meta(max_length=5)]
    decimal: Decimal
    duration: timedelta
    naive: Annotated[datetime, Meta(tz=False)]
    at: time
    day: date
    id: UUID
    number: Number
    pair: Pair
    row: Row
    point: Point
    options: Options
    pattern: Annotated[str, Meta(pattern=r"^[a-z]{1,64}(-[0-9]+)?$", max_length=80)]
    share: Annotated[float, Meta(gt=0, lt=1)]
    multiple: Annotated[int, Meta(ge=10, multiple_of=3)]
    mixed: int | str | list[int] | None
    anything: Any
    maybe: int | UnsetType = UNSET
    few: Annotated[dict[str, int], Meta(max_length=2)] = field(default_factory=dict)
    choice: Literal["a", 1, None] = None


@app.action("v1", "everything", public=True)
async def everything(context: Context, given: Everything) -> Everything:
    return given


class Cat(Struct):
    mew: str


class Dog(Struct):
    bark: str


@app.action("v1", "pet", public=True)
async def pet(context: Context, given: Options) -> Cat | Dog:
    """Return what can be written, and not be read again."""
    return Cat("mew")
