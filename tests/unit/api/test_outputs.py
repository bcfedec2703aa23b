"""The type that a function returns is the type of its output, and is checked when it is registered."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, NoReturn, TypedDict, TypeVar

import msgspec
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from leveret.api import Api, Context

T = TypeVar("T")


class Mailer:
    """Cannot be written."""


class Entry(Struct):
    number: int
    after: "Entry | None" = None


class Problem(Struct):
    text: str


class Page(Struct, Generic[T]):
    items: list[T]


@dataclass
class Held:
    mailer: Mailer


class Labels(dict[str, str]):
    """Can be written, although it cannot be read."""


class Halves(TypedDict):
    left: Mailer


def returning(kind: Any) -> Callable[..., Any]:
    def act(context: Context) -> Any: ...

    act.__annotations__["return"] = kind
    return act


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (None, None),
        (Any, 1),
        (object, 1),
        (dict[str, object], {"a": 1}),
        (Entry | None, None),
        (Entry | Problem, Problem("x")),
        (list[Entry | Problem], [Problem("x")]),
        (Page[Entry], Page([Entry(1)])),
        (Mapping[str, Sequence[int]], {"a": [1]}),
        (Annotated[int, Meta(ge=0)], 1),
        (int | UnsetType, UNSET),
        (Labels, Labels(a="b")),
        (msgspec.Raw, msgspec.Raw(b"1")),
    ],
)
def test_what_can_be_written_as_json_may_be_returned(kind: Any, value: Any) -> None:
    api: Api = Api()
    api.action("v1", "act")(returning(kind))
    assert api.find("v1", "act").output == (type(None) if kind is None else kind)
    msgspec.json.encode([{"value": value}] if value is not UNSET else [])


def test_an_action_that_only_raises_may_say_so() -> None:
    Api[None]().action("v1", "act")(returning(NoReturn))


@pytest.mark.parametrize(
    ("kind", "foreign"),
    [
        (Mailer, "Mailer, which"),
        (list[Mailer], "Mailer"),
        (Mailer | None, "Mailer"),
        (Entry | Problem | Mailer, "Mailer"),
        (Page[Mailer], "Mailer"),
        (Held, "Held, and Mailer"),
        (Halves, "Halves, and Mailer"),
        (Iterator[int], "Iterator"),
        (complex, "complex, which"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_names_of_action_and_type(kind: Any, foreign: str) -> None:
    with pytest.raises(ValueError, match=rf"^v1\.act: it returns .*{re.escape(foreign)}.* cannot be written as JSON$"):
        Api[None]().action("v1", "act")(returning(kind))
