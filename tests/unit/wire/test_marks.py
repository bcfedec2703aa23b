"""Marks of letters are read as they were written, and nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.wire.marks import MARK, LetterMark, read_mark
from leveret.wire.messages import mark_message

FULL = LetterMark("k", "edited", "2026-12-01T00:00:00.000Z", "op", "ada@host")


@pytest.mark.parametrize("mark", [FULL, LetterMark("k", "gone", "2026-12-01T00:00:00.000Z")])
def test_a_mark_is_read_as_it_was_written(mark: LetterMark) -> None:
    message = mark_message(mark, "api.requests.letters")
    assert (message.exchange, message.routing_key, message.mandatory) == ("", "api.requests.letters", False)
    assert message.properties.delivery_mode == 2
    assert read_mark(message.properties.type, message.body) == mark


@given(kind=st.sampled_from([None, MARK, "x"]), body=st.binary(max_size=60))
def test_anything_else_is_not_a_mark(kind: str | None, body: bytes) -> None:
    assert read_mark(kind, body) is None


@pytest.mark.parametrize(
    "body", [b'{"key":"k","what":"eaten","at":""}', b'{"key":1,"what":"gone","at":""}', b'{"what":"gone","at":""}']
)
def test_a_mark_that_is_wrong_is_not_one(body: bytes) -> None:
    assert read_mark(MARK, body) is None


def test_a_letter_that_looks_like_a_mark_is_not_one_and_a_mark_is_short() -> None:
    body = mark_message(FULL, "s").body
    assert read_mark(None, body) is None
    assert read_mark(MARK, body + b" " * 5000) is None
