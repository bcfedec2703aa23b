"""Which types a resource may have: those that what callers send cannot be taken for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import pytest
from msgspec import Meta, Struct

from leveret.api import Secret
from leveret.api.resources import Resources, resource_of

T = TypeVar("T")


class Mailer: ...


class Colour(Enum):
    RED = "red"


class Place(Struct):
    name: str


class Page(Struct, Generic[T]):
    number: T


@dataclass
class Ticket:
    seat: int


class Row(TypedDict):
    number: int


class Point(NamedTuple):
    x: int


Dsn = NewType("Dsn", str)


def building(kind: Any) -> Callable[[], Any]:
    def build() -> Any: ...

    build.__annotations__["return"] = kind
    return build


@pytest.mark.parametrize(
    "kind",
    [
        str,
        int | None,
        dict[str, int],
        list[Place],
        tuple[int, ...],
        Literal["a"],
        datetime,
        Secret[str],
        Annotated[int, Meta(ge=0)],
        Place | str,
    ],
)
def test_a_type_that_callers_send_too_is_nobodys_resource(kind: Any) -> None:
    """Otherwise every parameter of that type would be the resource, and what callers send would be ignored."""
    with pytest.raises(ValueError, match=r"build returns an? .*: return a class of your own, or a NewType"):
        Resources().add(building(kind))
    yielding = building(Iterator[kind])

    def build_and_close() -> Any:
        yield

    build_and_close.__annotations__ = yielding.__annotations__
    with pytest.raises(ValueError, match=r"return a class of your own, or a NewType"):
        Resources().add(build_and_close)


@pytest.mark.parametrize(
    "kind",
    [
        Place,
        Page[int],
        Ticket,
        Row,
        Point,
        Colour,
        Mailer | None,
        Place | None,
        list[Mailer],
        Dsn,
        Dsn | None,
        Annotated[str, "dsn"],
        Annotated[Place, Meta(description="where")],
    ],
)
def test_a_type_of_ones_own_may_be_a_resource_though_it_is_data(kind: Any) -> None:
    assert resource_of(building(kind)).kind == kind
