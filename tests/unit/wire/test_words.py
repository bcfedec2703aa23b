"""Words for people."""

import pytest

from leveret.wire.words import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 letters"), (1, "1 letter"), (2, "2 letters")])
def test_a_noun_has_an_s_unless_its_number_is_one(number: int, text: str) -> None:
    assert counted(number, "letter") == text


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert counted(1, "process", "processes") == "1 process"
    assert counted(2, "process", "processes") == "2 processes"
