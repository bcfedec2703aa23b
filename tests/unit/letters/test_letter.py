"""A dead letter, whoever wrote it."""

from typing import Any

import pytest

from leveret.letters.letter import Letter
from leveret.wire.letter import LetterBody


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (LetterBody("now", "why", {"id": "a"}, {}), "a"),
        (LetterBody("now", "why", {"id": 7}, {}), "c"),
        (LetterBody("now", "why", "no object", {}), "c"),
        (b'{"id": "a"}', "c"),
    ],
)
def test_a_letter_has_the_id_of_its_request_or_the_correlation_id_of_the_message(content: Any, known: str) -> None:
    assert Letter(content, {}, (), "c", redelivered=False).request_id == known
