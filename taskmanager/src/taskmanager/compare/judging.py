"""What became of the requests of a scene: pure functions of what callers and the database say."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

Result = Literal["answered", "failed", "silent"]
"""The result, an error, or nothing before the caller gave up."""


class Outcome(Struct, frozen=True):
    """What a caller knows of its request.

    Attributes:
        id: the request's id.
        due: when it was to be sent, in seconds from the beginning of the load.
        seconds: how long the caller waited from then on, with all attempts.
        result: what it got in the end.
        attempts: how often it asked, with the same id.
        code: the last error's code; empty without one.
    """

    id: str
    due: float
    seconds: float
    result: Result
    attempts: int = 1
    code: str = ""


class Judgement(Struct, frozen=True):
    """What became of all requests.

    Attributes:
        sent: how many there were.
        answered: callers that got the result.
        failed: callers that got an error.
        silent: callers that gave up without either.
        lost: callers that got the result of an effect which does not exist.
        undone: requests without a result and without an effect, which nothing keeps: only their callers can ask again.
        twice: requests whose effect exists more than once.
        late: requests that were done although their callers got no result.
        left: requests that an operator had to have carried out, by one command.
        attempts: how often callers asked.
        p50: seconds within which half of the answered callers had their result; None without one.
        p99: the same for 99 of 100.
    """

    sent: int
    answered: int
    failed: int
    silent: int
    lost: int
    undone: int
    twice: int
    late: int
    left: int
    attempts: int
    p50: float | None
    p99: float | None


class Moment(Struct, frozen=True):
    """The requests that were due within a part of the time.

    Attributes:
        at: where the part begins, in seconds.
        median: of the seconds that answered callers waited; None without one.
        slowest: the longest of them.
        answered: how many got the result.
        others: how many did not.
    """

    at: float
    median: float | None
    slowest: float | None
    answered: int
    others: int


def judge(outcomes: Sequence[Outcome], effects: Mapping[str, int], left: int) -> Judgement:
    """Judge the requests of a scene.

    Args:
        outcomes: one for each request.
        effects: how many tasks exist for each id, when everything has come to rest.
        left: requests that waited for an operator before they were carried out.
    """
    answered = [each for each in outcomes if each.result == "answered"]
    waited = sorted(each.seconds for each in answered)
    return Judgement(
        sent=len(outcomes),
        answered=len(answered),
        failed=sum(each.result == "failed" for each in outcomes),
        silent=sum(each.result == "silent" for each in outcomes),
        lost=sum(not effects.get(each.id) for each in answered),
        undone=sum(each.result != "answered" and not effects.get(each.id) for each in outcomes),
        twice=sum(count > 1 for count in effects.values()),
        late=sum(each.result != "answered" and bool(effects.get(each.id)) for each in outcomes),
        left=left,
        attempts=sum(each.attempts for each in outcomes),
        p50=_quantile(waited, 0.5),
        p99=_quantile(waited, 0.99),
    )


def over_time(outcomes: Sequence[Outcome], seconds: float, parts: int) -> list[Moment]:
    """Divide the time of a scene into equal parts, and sum up the requests that were due in each."""
    width = seconds / parts
    found: list[list[Outcome]] = [[] for _ in range(parts)]
    for each in outcomes:
        found[min(int(each.due / width), parts - 1)].append(each)
    return [_moment(number * width, part) for number, part in enumerate(found)]


def _moment(at: float, part: Sequence[Outcome]) -> Moment:
    waited = [each.seconds for each in part if each.result == "answered"]
    median, slowest = (statistics.median(waited), max(waited)) if waited else (None, None)
    return Moment(at, median, slowest, len(waited), len(part) - len(waited))


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[round(share * (len(ordered) - 1))] if ordered else None
