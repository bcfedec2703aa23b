"""The header Idempotency-Key: texts in quotation marks, bare tokens, and what is neither."""

from __future__ import annotations

import pytest

from leveret.web.gateway.keys import read_key
from leveret.web.gateway.problems import HttpProblem


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e", "8e03978e"),
        (' "a b" ', "a b"),
        (r'"a\"b\\c"', r'a"b\c'),
        ("x" * 128, "x" * 128),
        ("a,b;c", "a,b;c"),
    ],
)
def test_a_key_is_the_text_or_the_token(value: str, key: str) -> None:
    assert read_key([value], needed=True) == key


@pytest.mark.parametrize(
    "values",
    [
        ["a", "a"],
        [""],
        ['""'],
        ['"'],
        ['"a'],
        ['"a"b'],
        ['"a";q=1'],
        ['" a"'],
        ["é"],
        ["x" * 129],
        [r'"a\b"'],
        ["a\tb"],
    ],
)
def test_what_is_no_key_is_refused(values: list[str]) -> None:
    with pytest.raises(HttpProblem, match="Idempotency-Key") as caught:
        read_key(values, needed=False)
    assert caught.value.status == 400


def test_a_missing_key_is_refused_only_where_it_is_needed() -> None:
    assert read_key([], needed=False) is None
    with pytest.raises(HttpProblem) as caught:
        read_key([], needed=True)
    assert (caught.value.code, caught.value.status) == ("key_missing", 400)
