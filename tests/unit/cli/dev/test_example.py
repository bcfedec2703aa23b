"""The call to try, which is made from an action's types."""

from __future__ import annotations

import shlex
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from leveret import Api, Context, Secret
from leveret.api.action import Action
from leveret.cli.dev.example import example_action, example_words


class Colour(Enum):
    RED = "red"


class Inner(Struct):
    tags: Annotated[list[str], Meta(min_length=2)]
    note: str = ""


class Many(Struct, rename="camel"):
    full_name: str
    user_email: str
    email: str
    age: Annotated[int, Meta(ge=18, le=99)]
    share: Annotated[float, Meta(gt=0, lt=1)]
    short: Annotated[str, Meta(max_length=2)]
    long: Annotated[str, Meta(min_length=40)]
    kind: Literal["big", "small"]
    colour: Colour
    when: datetime
    inner: Inner
    maybe: int | None
    anything: Any
    flag: bool
    password: Secret[str]
    left_out: int = 5


class Code(Struct):
    code: Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class Picky(Struct):
    name: str

    def __post_init__(self) -> None:
        raise ValueError("never")


def action(wanted: Any, *, version: str = "v1", public: bool = True) -> Action:
    """Return a registered action with this input."""
    api: Api[None] = Api()

    def act(context: Context, given: Any) -> None:
        """Do nothing."""

    act.__annotations__["given"] = wanted
    api.action(version, "act", public=public)(act)
    return api.find(version, "act")


def read(words: list[str]) -> dict[str, Any]:
    """Read the words as a shell and the command ``call`` do."""
    found = {}
    for word in shlex.split(" ".join(words)):
        name, _, value = word.partition("=")
        is_json = name.endswith(":")
        try:
            found[name.rstrip(":")] = msgspec.json.decode(value.encode())
        except msgspec.DecodeError:
            assert not is_json
            found[name] = value
    return found


def test_every_required_field_has_a_value_that_the_action_takes() -> None:
    made = action(Many)
    words = example_words(made)
    assert words is not None
    given = read(words)
    made.arguments(given)
    assert given["fullName"] == "hello"
    assert given["email"] == "ada@example.com"
    assert given["age"] == 18
    assert given["inner"] == {"tags": ["hello", "hello"]}
    assert "leftOut" not in given


def test_plain_parameters_are_fields_too() -> None:
    api: Api[None] = Api()

    @api.action("v1", "sign", public=True)
    def sign(context: Context, name: str, age: int = 0) -> str:
        return name

    assert example_words(api.find("v1", "sign")) == ["name=Ada"]


def test_an_action_without_input_needs_no_words() -> None:
    api: Api[None] = Api()

    @api.action("v1", "ping", public=True)
    def ping(context: Context) -> str:
        return "pong"

    assert example_words(api.find("v1", "ping")) == []


@pytest.mark.parametrize("wanted", [Code, Picky])
def test_where_no_value_can_be_made_up_nothing_wrong_is_shown(wanted: type[Struct]) -> None:
    assert example_words(action(wanted)) is None


def test_another_version_and_a_token_are_named() -> None:
    assert example_words(action(Inner, version="v2", public=False)) == [
        "--version",
        "v2",
        '\'tags:=["hello", "hello"]\'',
        "--token",
        "TOKEN",
    ]


def test_a_public_action_of_ones_own_is_tried_first() -> None:
    api: Api[None] = Api()

    def act(context: Context) -> None:
        """Do nothing."""

    assert example_action(api) is None
    api.action("v1", "health_check", public=True)(act)
    assert example_action(api) == api.find("v1", "health_check")
    api.action("v1", "private")(act)
    assert example_action(api) == api.find("v1", "private")
    api.action("v1", "open", public=True)(act)
    assert example_action(api) == api.find("v1", "open")
