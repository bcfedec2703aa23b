"""A message becomes JSON and is the same message afterwards; anything else is refused in words."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.amqp import Properties
from leveret.letters.portable import (
    NotPortable,
    message_of,
    properties_text,
    read_body,
    read_properties,
    write_body,
)
from leveret.wire.codec import encode_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MOMENTS = st.integers(0, 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
DECIMALS = st.builds(
    lambda number, places: Decimal(number).scaleb(-places), st.integers(-(2**31), 2**31 - 1), st.integers(0, 20)
)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    TEXTS,
    st.binary(max_size=20),
    MOMENTS,
    DECIMALS,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
BYTES = st.integers(0, 255)
PROPERTIES = st.builds(
    Properties,
    headers=st.none() | st.dictionaries(TEXTS, VALUES, max_size=5),
    delivery_mode=st.none() | BYTES,
    priority=st.none() | BYTES,
    timestamp=st.none() | st.integers(0, 2**63),
    **{
        name: st.none() | TEXTS
        for name in Properties.__struct_fields__
        if name not in ("headers", "delivery_mode", "priority", "timestamp")
    },
)


@given(properties=PROPERTIES, body=st.binary(max_size=60) | TEXTS.map(str.encode))
def test_what_is_written_is_read_back_as_it_was(properties: Properties, body: bytes) -> None:
    message = message_of(properties_text(properties), body)
    assert message.properties == properties
    assert _kinds(message.properties.headers) == _kinds(properties.headers)
    assert read_body(msgspec.json.decode(encode_json(write_body(body)))) == body


def _kinds(value: Any) -> Any:
    """Return the types of values: 1, 1.0 and True are equal, but not the same in a header."""
    if isinstance(value, dict):
        return {name: _kinds(member) for name, member in value.items()}
    return [_kinds(member) for member in value] if isinstance(value, list) else (type(value), str(value))


def test_a_number_that_is_not_finite_is_read_back() -> None:
    message = message_of(properties_text(Properties(headers={"a": float("inf"), "b": float("nan")})), b"")
    assert str(message.properties.headers) == "{'a': inf, 'b': nan}"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([], "expected an object"),
        ({"colour": "x"}, "'colour' is not a property"),
        ({"priority": 256}, "properties.priority: expected a number from 0 to 255"),
        ({"priority": True}, "properties.priority: expected a number"),
        ({"message_id": "x" * 256}, "properties.message_id: expected a text of at most 255 bytes"),
        ({"message_id": 1}, "properties.message_id: expected a text"),
        ({"headers": [1]}, "properties.headers: expected an object"),
        ({"headers": {"a": {"bytes": "x"}}}, "properties.headers.a: expected base64"),
        ({"headers": {"a": {"bytes": 7}}}, "properties.headers.a: expected base64"),
        ({"headers": {"a": {"decimal": "ten"}}}, "properties.headers.a: 'decimal'"),
        ({"headers": {"a": {"time": 2**70}}}, "properties.headers.a: 'time'"),
        ({"headers": {"a": {}}}, "expected an object with one name"),
        ({"headers": {"a": {"colour": 1}}}, "'colour' is not a kind of value"),
        ({"headers": {"a": 2**64}}, "more than 64 bits"),
        ({"headers": {"x" * 256: 1}}, "a name has more than 255 bytes"),
    ],
)
def test_what_is_in_another_form_is_refused_in_words(fields: Any, words: str) -> None:
    with pytest.raises(NotPortable, match=words):
        read_properties(fields)


def test_what_is_nested_too_deep_is_refused_in_words() -> None:
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    with pytest.raises(NotPortable, match="nested deeper"):
        read_properties({"headers": {"a": deep}})


@pytest.mark.parametrize("written", [1, None, {"bytes": "%"}, {"text": "x"}, "\ud800"])
def test_a_body_in_another_form_is_refused_in_words(written: Any) -> None:
    with pytest.raises(NotPortable, match="body"):
        read_body(written)
