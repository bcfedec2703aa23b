"""Words that the commands print."""

import pytest

from leveret.cli.screen import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 letters"), (1, "1 letter"), (2, "2 letters")])
def test_a_noun_has_an_s_unless_its_number_is_one(number: int, text: str) -> None:
    assert counted(number, "letter") == text
