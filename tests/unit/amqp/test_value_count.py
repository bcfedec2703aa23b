"""A table with too many values is counted before it takes memory, and costs only its own message."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.amqp.errors import ProtocolError
from leveret.amqp.fields import DEEPEST, decode_table, encode_table
from leveret.amqp.value_count import MOST_VALUES, holds_too_many

plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5) | st.binary(max_size=5)
values = st.recursive(
    plain | st.floats(allow_nan=False), lambda each: st.lists(each) | st.dictionaries(st.text(max_size=3), each)
)


def number(value: Any) -> int:
    """Return how many values are in this one, with nested ones."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(1 + number(member) for member in members)


@given(st.dictionaries(st.text(max_size=3), values), st.integers(-2, 2))
def test_values_are_counted_as_they_are_made(table: dict[str, Any], room: int) -> None:
    table |= {"more": [None] * (MOST_VALUES - number(table) - (0 if "more" in table else 1) + room)}
    data = encode_table(table)
    assert holds_too_many(data, 4, len(data), DEEPEST) is (number(table) > MOST_VALUES)


@pytest.mark.parametrize("kind", [None, {}, [], "", 0])
def test_a_table_of_too_many_values_is_not_made(kind: Any) -> None:
    fits: dict[str, Any] = {"a": [kind] * (MOST_VALUES - 1)}
    assert decode_table(encode_table(fits), 0)[0] == fits
    with pytest.raises(ProtocolError, match="more than 2048 values"):
        decode_table(encode_table({"a": [kind] * MOST_VALUES}), 0)
    with pytest.raises(ProtocolError, match="more than 2048 values"):
        decode_table(encode_table({f"{number}": kind for number in range(MOST_VALUES + 1)}), 0)
