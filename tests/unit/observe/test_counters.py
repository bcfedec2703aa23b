"""Counting what becomes of requests."""

import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.observe import Begun, Committed, Ended, Observers, Settled, Subject
from leveret.observe.counters import MEASURED, ONE_OF, Counters
from leveret.observe.totals import SECONDS, Spread, Totals
from leveret.outcome import Answer, DeadLetter, Outcome
from support.handmade_deliveries import delivery_of

OK = Answer(b"{}")


def subject(tag: int = 1, action: str = "v1.greet") -> Subject:
    return Subject("id", action, "ada", delivery_of({"id": "id"}, tag), 100.0)


def subjects(count: int) -> list[Subject]:
    return [subject(tag) for tag in range(1, count + 1)]


def run(counters: Counters, about: Subject, outcome: Outcome = OK) -> None:
    """Pass the points after the admission, as a worker does."""
    observers = Observers([counters])
    if observers.follow(about):
        observers.tell(Begun(about, 100.5))
        observers.tell(Ended(about, 102.5))
        observers.tell(Committed(about, 102.75))
    observers.settle([Settled(about, 104.0, outcome=outcome)])


def test_each_part_of_the_way_of_a_request_is_measured() -> None:
    counters, about = Counters(["v1.greet"]), subject()
    counters.admit([about])
    run(counters, about)
    totals = counters.totals()
    assert totals.requests == {"v1.greet": {"ok": 1}}
    assert [totals.waiting.sum, totals.handling.sum, totals.commit.sum, totals.total.sum] == [0.5, 2.0, 0.25, 4.0]
    assert totals.handling.counts[SECONDS.index(2.5)] == 1


def test_at_a_low_rate_the_parts_of_every_request_are_measured() -> None:
    seconds = iter(range(5))
    counters = Counters(["v1.greet"], clock=lambda: next(seconds))
    for _ in range(5):
        about = subjects(MEASURED)
        counters.admit(about)
        for each in about:
            run(counters, each)
    assert counters.totals().waiting.count == counters.totals().total.count == 5 * MEASURED


def test_at_a_high_rate_one_of_several_is_measured_and_counts_for_them_and_all_are_counted() -> None:
    counters, rest, told = Counters(["v1.greet"], clock=lambda: 0.9), 40 * ONE_OF, list[int]()
    about = subjects(MEASURED + rest)
    for first in range(0, len(about), 7):  # the batches' size has nothing to do with the sample's
        batch = about[first : first + 7]
        counters.admit(batch)
        told += [each.delivery.delivery_tag for each in batch if Observers([counters]).follow(each)]
        for each in batch:
            run(counters, each, OK if each.delivery.delivery_tag % 50 else DeadLetter("why"))
    totals = counters.totals()
    letters = len(about) // 50
    assert totals.requests == {"v1.greet": {"ok": len(about) - letters, "letter": letters}}
    assert totals.total.count == len(about)
    assert told[:MEASURED] == list(range(1, MEASURED + 1))
    assert [(tag - 1 - MEASURED) // ONE_OF for tag in told[MEASURED:]] == list(range(40)), "one of each 64"
    assert totals.waiting.count == totals.handling.count == totals.commit.count == MEASURED + rest
    assert totals.handling.sum == 2.0 * (MEASURED + rest)


def test_counting_costs_few_calls_at_a_high_rate() -> None:
    counters, count = Counters(["v1.greet"], names_held=False, clock=lambda: 0.0), 100 * ONE_OF
    observers, about = Observers([counters]), [Settled(each, 104.0, outcome=OK) for each in subjects(count)]
    admitted = [each.subject for each in about]
    observers.admit(admitted[:MEASURED])
    calls = calls_of(lambda: follow_all(observers, admitted, about)) / count
    assert calls < 4.5, "follow, outcome_word, bisect_left, isinstance, get; and a 64th of what the parts cost"


def follow_all(observers: Observers, admitted: list[Subject], about: list[Settled]) -> None:
    observers.admit(admitted)
    for each in admitted:
        if observers.follow(each):
            with observers.attempt(each):
                pass
            observers.tell(Committed(each))
    observers.settle(about)


def calls_of(step: Callable[[], None]) -> int:
    """Return how many calls of Python's and C's functions a step makes."""
    count = 0

    def see(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        step()
    finally:
        sys.setprofile(None)
    return count


@given(st.lists(st.floats(0, 200), min_size=1, max_size=20))
def test_requests_that_settle_together_are_counted_as_those_that_settle_alone(seconds: list[float]) -> None:
    together, alone = Counters(["v1.greet"]), Counters(["v1.greet"])
    records = [Settled(subject(tag), 100.0 + each, outcome=OK) for tag, each in enumerate(seconds, start=1)]
    together.settle(records)
    for each in records:
        alone.settle([each])
    assert together.totals().total.counts == alone.totals().total.counts
    assert together.totals().total.sum == pytest.approx(alone.totals().total.sum)
    assert together.totals().requests == alone.totals().requests == {"v1.greet": {"ok": len(seconds)}}


def test_a_name_that_a_stranger_invents_is_counted_as_unknown() -> None:
    counters = Counters(["v1.greet"])
    for number in range(100):
        about = subject(action=f"v1.invented_{number}")
        counters.settle([Settled(about, 101.0, outcome=DeadLetter("unknown action"))])
    assert counters.totals().requests == {"-": {"letter": 100}}


def test_requests_in_hand_are_named_oldest_first_up_to_a_number() -> None:
    counters, about = Counters(["v1.greet"]), subjects(5)
    counters.admit(about)
    counters.settle([Settled(about[0], 101.0, outcome=OK)])
    assert counters.held(3) == about[1:4]


def test_one_that_need_not_name_the_requests_in_hand_keeps_none_of_them() -> None:
    counters = Counters(["v1.greet"], names_held=False)
    counters.admit(subjects(5))
    assert counters.held(3) == []


def test_a_new_session_forgets_what_was_in_hand_and_counts_a_reconnect() -> None:
    counters = Counters(["v1.greet"])
    counters.begin_session()
    lost = subject(1)
    counters.admit([lost])
    counters.begin_session()
    assert counters.held(1) == []
    again = subject(1)
    counters.admit([again])
    counters(Begun(lost, 101.0))  # a lane that still runs it
    counters.settle([Settled(again, 102.0, outcome=OK)])
    assert counters.totals().waiting.count == 0
    assert counters.totals().reconnects == 1


def test_an_async_action_that_commits_before_it_ends_has_no_commit_of_its_own() -> None:
    counters, about = Counters(["v1.greet"]), subject()
    counters.admit([about])
    counters(Begun(about, 100.0))
    counters(Committed(about, 101.0))
    counters(Ended(about, 101.5))
    counters.settle([Settled(about, 102.0, outcome=OK)])
    assert counters.totals().commit.count == 0
    assert counters.totals().handling.sum == 1.5


def test_totals_of_two_processes_add_up() -> None:
    one = Totals(requests={"v1.greet": {"ok": 2}}, waiting=Spread((1,) * 17, 3.0), reconnects=1)
    other = Totals(requests={"v1.greet": {"ok": 1, "retry": 4}, "-": {"letter": 1}}, waiting=Spread((2,) * 17, 4.0))
    both = one.plus(other)
    assert both.requests == {"v1.greet": {"ok": 3, "retry": 4}, "-": {"letter": 1}}
    assert both.waiting == Spread((3,) * 17, 7.0)
    assert both.reconnects == 1
    assert both.outcomes("retry") == 4
    assert Totals().plus(one) == one
