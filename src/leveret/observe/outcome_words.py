"""One word for each outcome, for logs, recordings and metrics."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from leveret.outcome import Answer, DeadLetter, Outcome, Retry


class OutcomeWord(StrEnum):
    """What became of a request."""

    OK = "ok"
    REFUSED = "refused"
    REPLAYED = "replayed"
    RETRY = "retry"
    LETTER = "letter"
    PUT_BACK = "put_back"


_OK: Final = OutcomeWord.OK, ""
_RETRY: Final = OutcomeWord.RETRY, ""
_PUT_BACK: Final = OutcomeWord.PUT_BACK, ""


def outcome_word(outcome: Outcome) -> tuple[OutcomeWord, str]:
    """Return the word for an outcome, and the code of its error or letter; the code is empty without one."""
    if isinstance(outcome, Answer):  # the usual one comes first: each request asks
        if outcome.replayed:
            return OutcomeWord.REPLAYED, outcome.code or ""
        return (OutcomeWord.REFUSED, outcome.code) if outcome.code else _OK
    if isinstance(outcome, Retry):
        return _RETRY
    return (OutcomeWord.LETTER, outcome.code) if isinstance(outcome, DeadLetter) else _PUT_BACK
