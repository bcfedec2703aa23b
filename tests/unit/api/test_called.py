"""The data of a request whose caller names the action by its function."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from msgspec import Struct

from leveret.api import Api, Context
from leveret.client.typed import registered as registered_as
from support.contexts import registered


class Mailer: ...


class Guest(Struct, rename="camel"):
    full_name: str


def sign(context: Context, guest: Guest, day: date | None = None, *, age: int = 0) -> None: ...


def take(context: Context, mailer: Mailer, guest: Guest) -> None: ...


def ping(context: Context, *, mailer: Mailer) -> None: ...


def send(context: Context, mailer: Mailer, to: str) -> None: ...


@pytest.mark.parametrize(
    ("function", "given", "named", "data"),
    [
        (sign, (Guest("Ada"),), {}, {"guest": {"fullName": "Ada"}}),
        (
            sign,
            (Guest("Ada"), date(2026, 1, 2)),
            {"age": 3},
            {"guest": {"fullName": "Ada"}, "day": "2026-01-02", "age": 3},
        ),
        (take, (Guest("Ada"),), {}, {"fullName": "Ada"}),
        (take, (), {"guest": Guest("Ada")}, {"fullName": "Ada"}),
        (ping, (), {}, {}),
        (send, ("you",), {}, {"to": "you"}),
    ],
)
def test_the_arguments_are_the_data_and_resources_are_not_given(
    function: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any], data: dict[str, Any]
) -> None:
    action = registered(function)
    assert action.data_of(given, named) == data
    action.arguments(data)


@pytest.mark.parametrize(
    ("function", "given", "named", "text"),
    [
        (sign, (), {}, "missing a required argument: 'guest'"),
        (sign, (Guest("Ada"),), {"old": 3}, "unexpected keyword argument 'old'"),
        (ping, (), {"mailer": Mailer()}, "unexpected keyword argument 'mailer'"),
        (take, (7,), {}, "the data of a request is an object, and int is not written as one"),
    ],
)
def test_arguments_that_the_function_does_not_take_are_a_type_error(
    function: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any], text: str
) -> None:
    with pytest.raises(TypeError, match=rf"^v1\.act: .*{text}"):
        registered(function).data_of(given, named)


def test_a_caller_learns_what_is_a_resource_when_the_api_does() -> None:
    def post(context: Context, guest: Guest, page: Page) -> None: ...

    api = Api[None]()
    api.action("v1", "post")(post)
    api.inherit("v2", parent="v1")
    assert set(registered_as(post).data_of((Guest("Ada"), Page(1)), {})) == {"guest", "page"}
    api.know({Page})
    assert registered_as(post).data_of((Guest("Ada"),), {}) == {"fullName": "Ada"}


class Page(Struct):
    number: int
