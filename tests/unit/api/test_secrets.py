"""Which fields of an input must never be written down."""

from dataclasses import dataclass
from typing import Any

import pytest
from msgspec import Struct

from leveret.api import Context, Secret
from support.contexts import registered


class Login(Struct):
    email: str
    password: Secret[str]


class Renamed(Struct, rename="camel"):
    pass_word: Secret[str] | None = None


@dataclass
class Card:
    number: Secret[str]


class Tree(Struct):
    leaf: Secret[str]
    branches: "list[Tree]" = []


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Secret[str], {"given"}),
        (Secret[str] | None, {"given"}),
        (list[Secret[str]], {"given"}),
        (Login, {"password"}),
        (list[Login], {"password"}),
        (dict[str, Login | None], {"password"}),
        (Renamed, {"passWord"}),
        (Card, {"number"}),
        (Tree, {"leaf"}),
        (Secret[Login], {"email", "password"}),
        (str, set()),
    ],
)
def test_a_secret_is_known_wherever_it_stands(kind: Any, names: set[str]) -> None:
    def take(context: Context, given: Any) -> None: ...

    take.__annotations__["given"] = kind
    assert registered(take).secrets == names


def test_a_secret_parameter_is_known() -> None:
    def log_in(context: Context, email: str, *, password: Secret[str], code: Secret[str] = "") -> None: ...

    assert registered(log_in).secrets == {"password", "code"}
    assert registered(log_in).plain == {"email"}
