"""An application whose names and types are hard for a generated client: they are words of Python, or taken twice."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Any, Literal
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, field

from leveret import App, Context
from leveret.errors import RequestError

app = App("unusual", health_check=False)


class OutOfPaper(RequestError):
    """There is no paper."""

    code = "out_of_paper"


class Size(StrEnum):
    SMALL = "small"
    BIG = "big"


class Level(Enum):
    LOW = 1


class Node(Struct, frozen=True):
    """A node says "hello\\n" and has \"\"\"children\"\"\"."""

    name: str
    size: Size = Size.BIG
    level: Level = Level.LOW
    children: list[Node] = field(default_factory=list)


Nodes = list[Node]
Day = date  # a field hides the name that it has itself


class Wanted(Struct, frozen=True, rename="camel"):
    class_name: str
    token: str
    id: UUID
    timeout: float
    list: Nodes
    date: Day | None = None
    at: datetime | UnsetType = UNSET
    mode: Literal["a", 'b"'] = "a"
    self: dict[str, tuple[int, ...]] = field(default_factory=dict)


class Square(Struct, frozen=True, tag="square"):
    side: int


class Circle(Struct, frozen=True, tag="circle"):
    radius: int


class Printed(Struct, frozen=True, rename="camel"):
    class_name: str
    token: str
    nodes: list[Node]
    at: datetime | UnsetType = UNSET
    date: Day | None = None


@app.action("v1", "list", public=True, errors=(OutOfPaper,))
async def print_list(context: Context, wanted: Wanted) -> Printed:  # a name that hides a built-in one
    """Print a list."""
    if wanted.class_name == "none":
        raise OutOfPaper("There is no paper")
    return Printed(wanted.class_name, wanted.token, wanted.list, wanted.at, wanted.date)


@app.action("v1", "import", public=True, deprecated="use v1.list")
async def import_any(context: Context, given: dict[str, Any]) -> Square | Circle:
    size = int(given["size"])
    return Square(size) if given["square"] else Circle(size)


@app.action("v2", "turn", public=True)
async def turn(context: Context, given: Node) -> dict[Size, list[Node]]:
    """Put a node under its size."""
    return {given.size: [given]}
