"""Counting what becomes of requests."""

from datetime import timedelta

import pytest

from leveret.observe import Admitted, Begun, Committed, Ended, Received, Settled, Subject
from leveret.observe.counters import Counters, outcome_word
from leveret.observe.totals import SECONDS, Spread, Totals
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
from support.handmade_deliveries import delivery_of

OK = Answer(b"{}")


def subject(tag: int = 1, action: str = "v1.greet") -> Subject:
    return Subject("id", action, "ada", delivery_of({"id": "id"}, tag), 100.0)


def pass_all(counters: Counters, about: Subject, outcome: Outcome = OK) -> None:
    counters(Received(about, 100.0))
    counters(Admitted(about, 100.1))
    counters(Begun(about, 100.5))
    counters(Ended(about, 102.5))
    counters(Committed(about, 102.75))
    counters(Settled(about, 104.0, outcome=outcome))


def test_each_part_of_the_way_of_a_request_is_measured() -> None:
    counters = Counters(["v1.greet"])
    pass_all(counters, subject())
    totals = counters.totals()
    assert totals.requests == {"v1.greet": {"ok": 1}}
    assert [totals.waiting.sum, totals.handling.sum, totals.commit.sum, totals.total.sum] == [0.5, 2.0, 0.25, 4.0]
    assert totals.handling.counts[SECONDS.index(2.5)] == 1


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (OK, "ok"),
        (Answer(b"", code="conflict"), "refused"),
        (Answer(b"", replayed=True), "replay"),
        (Answer(b"", code="conflict", replayed=True), "replay"),
        (Retry(1, timedelta(seconds=1), "why"), "retry"),
        (DeadLetter("why"), "letter"),
        (PutBack("why"), "put_back"),
    ],
)
def test_every_outcome_has_a_word(outcome: Outcome, word: str) -> None:
    assert outcome_word(outcome) == word


def test_a_name_that_a_stranger_invents_is_counted_as_unknown() -> None:
    counters = Counters(["v1.greet"])
    for number in range(100):
        counters(Settled(subject(action=f"v1.invented_{number}"), 101.0, outcome=DeadLetter("unknown action")))
    assert counters.totals().requests == {"-": {"letter": 100}}


def test_requests_in_hand_are_named_oldest_first_up_to_a_number() -> None:
    counters = Counters(["v1.greet"])
    about = [subject(tag) for tag in range(1, 6)]
    for each in about:
        counters(Admitted(each, 100.0))
    counters(Settled(about[0], 101.0, outcome=OK))
    assert counters.held(3) == about[1:4]


def test_a_new_session_forgets_what_was_in_hand_and_counts_a_reconnect() -> None:
    counters = Counters(["v1.greet"])
    counters.begin_session()
    lost = subject(1)
    counters(Admitted(lost, 100.0))
    counters.begin_session()
    again = subject(1)
    counters(Admitted(again, 101.0))
    counters(Begun(lost, 101.0))  # a lane that still runs it
    counters(Settled(again, 102.0, outcome=OK))
    assert counters.totals().waiting.count == 0
    assert counters.totals().reconnects == 1


def test_an_async_action_that_commits_before_it_ends_has_no_commit_of_its_own() -> None:
    counters, about = Counters(["v1.greet"]), subject()
    counters(Admitted(about, 100.0))
    counters(Begun(about, 100.0))
    counters(Committed(about, 101.0))
    counters(Ended(about, 101.5))
    counters(Settled(about, 102.0, outcome=OK))
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
