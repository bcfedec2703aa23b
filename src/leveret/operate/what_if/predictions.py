"""What is predicted for a letter, and for many of them together. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from msgspec import Struct


class PredictedEnd(StrEnum):
    """What would become of a letter's request if it were sent again now."""

    SUCCEEDS = "succeeds"
    """Its action succeeds."""
    ANSWERED = "answered"
    """Its action refuses it with an error that is an answer, such as ``conflict``: it has no effect, and no letter."""
    FAILS = "fails"
    """It fails again, and becomes a letter again when its retries are used up."""
    DONE = "done"
    """It was executed before: its stored response is the answer, and nothing happens."""
    REFUSED = "refused"
    """It cannot be sent again at all."""
    NOT_RUN = "not_run"
    """Nobody knows: its action was not tried, because what it does could not be undone."""
    UNKNOWN = "unknown"
    """Nobody knows: the trial had no end, or met a lock."""


class Prediction(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="prediction"):
    """What would become of one letter.

    Attributes:
        letter: the letter's key; see `leveret.letters.key`.
        id: the id of its request; None where it has none.
        end: what would become of it.
        action: version and name, as far as the letter tells.
        why: why, in a sentence for people; empty for a success.
        code: why, for programs: the code of the error, or a word for the reason for which it is refused.
        exception: the qualified name of the error's class.
        place: file of the application and line where the error was raised.
        answer: the stored response of a request that is done, without secrets.
    """

    end: PredictedEnd
    letter: str = ""
    id: str | None = None
    action: str = ""
    why: str = ""
    code: str = ""
    exception: str = ""
    place: str = ""
    answer: Any = None


class PredictedGroup(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Letters for which the same is predicted.

    Attributes:
        end: what would become of them.
        count: how many they are.
        action: version and name.
        code: the code of the error, or a word for the reason.
        exception: the qualified name of the error's class.
        place: where in the application it was raised.
        why: the sentence of the first of them.
        first: the id of the first request, as an example.
    """

    end: PredictedEnd
    count: int
    action: str = ""
    code: str = ""
    exception: str = ""
    place: str = ""
    why: str = ""
    first: str | None = None


def grouped(predictions: Iterable[Prediction]) -> list[PredictedGroup]:
    """Return groups of what is predicted, in the order of ``PredictedEnd``, the largest first."""
    first: dict[tuple[str, ...], Prediction] = {}
    counts: dict[tuple[str, ...], int] = {}
    for each in predictions:
        key = each.end, each.action, each.code, each.exception, each.place
        first.setdefault(key, each)
        counts[key] = counts.get(key, 0) + 1
    groups = [_group(each, counts[key]) for key, each in first.items()]
    order = list(PredictedEnd)
    return sorted(groups, key=lambda group: (order.index(group.end), -group.count, group.action, group.code))


def _group(first: Prediction, count: int) -> PredictedGroup:
    return PredictedGroup(
        end=first.end,
        count=count,
        action=first.action,
        code=first.code,
        exception=first.exception,
        place=first.place,
        why=first.why,
        first=first.id,
    )
