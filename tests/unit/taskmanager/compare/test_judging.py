"""What became of the requests of a scene follows from what callers and the database say."""

from dataclasses import dataclass

import pytest

from taskmanager.compare.judging import Judgement, Outcome, Result, judge, over_time


def outcome(request_id: str, result: Result = "answered", *, due: float = 0.0, seconds: float = 0.1) -> Outcome:
    return Outcome(request_id, due, seconds, result)


@dataclass(frozen=True)
class Row:
    result: Result
    effects: int
    counted: str


@pytest.mark.parametrize(
    "row",
    [
        Row("answered", 1, ""),
        Row("answered", 0, "lost"),
        Row("answered", 2, "twice"),
        Row("failed", 0, "undone"),
        Row("failed", 1, "late"),
        Row("silent", 0, "undone"),
        Row("silent", 1, "late"),
    ],
    ids=str,
)
def test_a_request_is_counted_by_its_result_and_its_effects(row: Row) -> None:
    found = judge([outcome("a", row.result)], {"a": row.effects} if row.effects else {}, left=0)
    assert getattr(found, row.result) == 1
    assert {name for name in ("lost", "twice", "late", "undone") if getattr(found, name)} == set(
        filter(None, [row.counted])
    )


def test_all_requests_are_summed_up() -> None:
    outcomes = [outcome(str(number), seconds=number / 100) for number in range(101)]
    outcomes.append(Outcome("x", 0.0, 5.0, "silent", attempts=20, code="no_answer"))
    effects = {each.id: 1 for each in outcomes}
    assert judge(outcomes, effects, left=3) == Judgement(
        sent=102,
        answered=101,
        failed=0,
        silent=1,
        lost=0,
        undone=0,
        twice=0,
        late=1,
        left=3,
        attempts=121,
        p50=0.5,
        p99=0.99,
    )


def test_without_an_answer_there_are_no_quantiles() -> None:
    found = judge([outcome("a", "silent")], {}, left=0)
    assert (found.p50, found.p99) == (None, None)


def test_moments_hold_the_requests_that_were_due_then_and_the_last_one_its_end() -> None:
    outcomes = [
        outcome("a", due=0.0, seconds=1.0),
        outcome("b", due=0.9, seconds=3.0),
        outcome("c", "failed", due=1.0),
        outcome("d", due=4.0, seconds=0.5),
    ]
    moments = over_time(outcomes, 4.0, 4)
    assert [(moment.at, moment.median, moment.slowest) for moment in moments] == [
        (0.0, 2.0, 3.0),
        (1.0, None, None),
        (2.0, None, None),
        (3.0, 0.5, 0.5),
    ]
    assert [(moment.answered, moment.others) for moment in moments] == [(2, 0), (0, 1), (0, 0), (1, 0)]
