"""Which fields of an input take a text."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, TypedDict
from uuid import UUID

import pytest
from msgspec import Meta, Struct, field

from leveret import Secret
from leveret.cli.calling.text_fields import text_fields


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Inner(Struct):
    text: str


class Everything(Struct):
    plain: str
    perhaps: str | None
    either: int | str
    short: Annotated[str, Meta(max_length=3)]
    hidden: Secret[str]
    moment: datetime
    pause: timedelta
    key: UUID
    price: Decimal
    colour: Colour
    word: Literal["a", "b"]
    raw: bytes
    renamed: str = field(name="other")
    number: int = 0
    ratio: float = 0.0
    yes: bool = False
    level: Level = Level.LOW
    step: Literal[1, 2] = 1
    inner: Inner | None = None
    many: list[str] = []
    table: dict[str, str] = {}
    anything: Any = None


TEXTS = {"plain", "perhaps", "either", "short", "hidden", "moment", "pause", "key", "price", "colour", "word", "raw"}


def test_a_field_that_takes_a_text_whatever_else_it_takes_is_found() -> None:
    assert text_fields(Everything) == TEXTS | {"other"}


@dataclass
class Record:
    text: str
    number: int


class Table(TypedDict):
    text: str
    number: int


@pytest.mark.parametrize("kind", [Record, Table, Annotated[Record, Meta(title="x")]])
def test_other_records_than_structs_are_read_too(kind: Any) -> None:
    assert text_fields(kind) == {"text"}


class Strange:
    pass


@pytest.mark.parametrize("kind", [None, Any, dict[str, str], int, Strange])
def test_of_a_type_without_fields_nothing_is_known(kind: Any) -> None:
    assert text_fields(kind) == frozenset()
