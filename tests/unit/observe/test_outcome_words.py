"""One word for each outcome, the same in logs, recordings and metrics."""

from datetime import timedelta

import pytest

from leveret.observe.outcome_words import outcome_word
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry


@pytest.mark.parametrize(
    ("outcome", "word", "code"),
    [
        (Answer(b"{}"), "ok", ""),
        (Answer(b"", code="conflict"), "refused", "conflict"),
        (Answer(b"", replayed=True), "replayed", ""),
        (Answer(b"", code="conflict", replayed=True), "replayed", "conflict"),
        (Retry(1, timedelta(seconds=1), "why"), "retry", ""),
        (DeadLetter("why", "internal"), "letter", "internal"),
        (PutBack("why"), "put_back", ""),
    ],
)
def test_every_outcome_has_a_word_and_the_code_of_its_error(outcome: Outcome, word: str, code: str) -> None:
    assert outcome_word(outcome) == (word, code)
