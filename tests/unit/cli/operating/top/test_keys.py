"""What a terminal sends, as keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.cli.operating.top.keys import keys_of


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", []),
        ("q", ["q"]),
        ("jk", ["j", "k"]),
        ("\x1b[A\x1b[B", ["up", "down"]),
        ("\x1bOA\x1bOB", ["up", "down"]),
        ("\r\n", ["enter", "enter"]),
        ("\x1b", ["escape"]),
        ("\x1b[15~q", ["q"]),
        ("\x1b[1;5Cq", ["q"]),
        ("\x1bxq", ["q"]),
        ("\x1b[", []),
        ("é", ["é"]),
    ],
)
def test_keys_are_told_apart(text: str, keys: list[str]) -> None:
    assert list(keys_of(text)) == keys


@given(st.text())
def test_whatever_comes_is_read_to_its_end(text: str) -> None:
    assert len(list(keys_of(text))) <= len(text)
