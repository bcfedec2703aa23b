"""One word for each outcome, for logs and recordings."""

from __future__ import annotations

from enum import StrEnum

from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry


class OutcomeWord(StrEnum):
    """What became of a request."""

    OK = "ok"
    REFUSED = "refused"
    REPLAYED = "replayed"
    RETRY = "retry"
    LETTER = "letter"
    PUT_BACK = "put_back"


def outcome_word(outcome: Outcome) -> tuple[OutcomeWord, str]:
    """Return the word for an outcome, and the code of its error or letter; the code is empty without one."""
    match outcome:
        case Answer(replayed=True, code=code):
            return OutcomeWord.REPLAYED, code or ""
        case Answer(code=code):
            return (OutcomeWord.REFUSED, code) if code else (OutcomeWord.OK, "")
        case Retry():
            return OutcomeWord.RETRY, ""
        case DeadLetter(code=code):
            return OutcomeWord.LETTER, code
        case PutBack():
            return OutcomeWord.PUT_BACK, ""
