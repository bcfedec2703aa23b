"""Texts of paths and queries: which stand for numbers, truth values and lists, and which stay texts."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings, strategies
from msgspec import Struct

from leveret.api import Api, Context
from leveret.errors import InvalidRequest
from leveret.web.gateway.texts import Texts, split_query


class Colour(Enum):
    RED = "red"
    NULL = "null"


class Level(Enum):
    LOW = 1
    HIGH = 2


class Point(Struct):
    x: int


class Everything(Struct, kw_only=True, rename={"renamed": "re-named"}):
    whole: int = 0
    bounded: msgspec.UnsetType | int = msgspec.UNSET
    number: float = 0.0
    truth: bool = False
    text: str = ""
    maybe: str | None = None
    whole_or_none: int | None = None
    colour: Colour | None = None
    level: Level = Level.LOW
    word: Literal["a", "b"] = "a"
    digits: Literal[1, 2] = 1
    numbers: list[int] = []
    texts_or_text: list[str] | str | None = None
    few: tuple[int, ...] = ()
    point: Point | None = None
    anything: Any = None
    renamed: int = 0


def texts() -> Texts:
    made: Api[Any] = Api()

    @made.action("v1", "take")
    def take(context: Context, given: Everything) -> None: ...

    return Texts(made.find("v1", "take"))


@pytest.mark.parametrize(
    ("name", "given_texts", "value"),
    [
        ("whole", ["7"], 7),
        ("whole", ["-7"], -7),
        ("whole", ["07"], "07"),
        ("whole", ["+7"], "+7"),
        ("whole", ["7.0"], "7.0"),
        ("whole", [" 7"], " 7"),
        ("whole", ["\u0667"], "\u0667"),
        ("whole", [""], ""),
        ("whole", ["9223372036854775807"], 2**63 - 1),
        ("whole", ["9223372036854775808"], "9223372036854775808"),
        ("whole", ["1" * 5000], "1" * 5000),
        ("bounded", ["7"], 7),
        ("number", ["7"], 7),
        ("number", ["7.5"], 7.5),
        ("number", ["1e3"], 1000.0),
        ("number", ["1e999"], "1e999"),
        ("number", ["nan"], "nan"),
        ("truth", ["true"], True),
        ("truth", ["false"], False),
        ("truth", ["1"], "1"),
        ("text", ["7"], "7"),
        ("text", ["null"], "null"),
        ("maybe", ["null"], "null"),
        ("whole_or_none", ["null"], None),
        ("colour", ["red"], "red"),
        ("colour", ["null"], None),
        ("level", ["2"], 2),
        ("word", ["a"], "a"),
        ("digits", ["1"], 1),
        ("numbers", ["1"], [1]),
        ("numbers", ["1", "x"], [1, "x"]),
        ("texts_or_text", ["a,b"], "a,b"),
        ("texts_or_text", ["a", "b"], ["a", "b"]),
        ("few", ["1"], [1]),
        ("point", ['{"x":1}'], {"x": 1}),
        ("point", ["{"], "{"),
        ("point", ['{"x":1,"x":1}'], '{"x":1,"x":1}'),
        ("anything", ["7"], "7"),
        ("re-named", ["7"], 7),
        ("unknown", ["7"], "7"),
    ],
)
def test_a_text_becomes_the_value_that_the_field_takes(name: str, given_texts: list[str], value: object) -> None:
    read = texts().read([(name, text) for text in given_texts])
    assert read == {name: value}
    assert type(read[name]) is type(value)


@pytest.mark.parametrize("name", ["whole", "text", "unknown", "point"])
def test_what_is_no_list_stands_there_once(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"Field {name}: stands there several times"):
        texts().read([(name, "1"), (name, "1")])


@settings(deadline=None)  # the machine may be busy
@given(strategies.dictionaries(strategies.text(max_size=5), strategies.text(max_size=20), max_size=5))
def test_no_text_raises_anything_but_a_refusal_and_all_can_be_sent(given_fields: dict[str, str]) -> None:
    msgspec.json.encode(texts().read(given_fields.items()))


@settings(deadline=None)  # the machine may be busy
@given(strategies.binary(max_size=60))
def test_a_query_is_read_or_refused(query: bytes) -> None:
    try:
        split_query(query)
    except InvalidRequest:
        return


@pytest.mark.parametrize("query", [b"a=%ff", "a=ä".encode(), b"a=1&" * 1001])
def test_a_query_that_is_no_utf8_or_too_long_is_refused(query: bytes) -> None:
    with pytest.raises(InvalidRequest, match="The query"):
        split_query(query)
