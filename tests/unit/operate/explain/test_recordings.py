"""What the record of a worker tells of a request."""

import pytest

from leveret.observe.outcome_words import OutcomeWord
from leveret.observe.recorder.reading import FlightRecording
from leveret.observe.recorder.record_format import RecordedRequest
from leveret.operate.explain import Findings, KnownEvent, KnownFact, RequestState, conclude
from leveret.operate.explain.recordings import recorded_facts


def recording(*, alive: bool = True, closed: float | None = None) -> FlightRecording:
    return FlightRecording(
        application="shop",
        worker="shop worker 1",
        pid=1,
        path="/dev/shm/shop",
        started=1.0,
        closed=closed,
        alive=alive,
        torn=0,
        requests=(),
    )


RUNNING = RecordedRequest(sequence=1, id="a", action="v1.order", received=2.0, begun=3.0)


def ended(outcome: OutcomeWord) -> RecordedRequest:
    return RecordedRequest(sequence=1, id="a", action="v1.order", received=2.0, settled=4.0, outcome=outcome)


def test_a_request_in_the_hand_of_a_worker_that_lives_is_there_now() -> None:
    first, second = recorded_facts(recording(), RUNNING)
    assert (first.event, first.at, first.details["attempt"]) == (KnownEvent.RECEIVED, 2.0, 1)
    assert (second.event, second.at) == (KnownEvent.IN_HAND, None)
    assert second.text == "the worker has it in hand, and its action runs"


@pytest.mark.parametrize(
    ("found", "request_", "state", "words"),
    [
        (recording(), RUNNING, "in_hand", "in a worker's hand"),
        (recording(alive=False), RUNNING, "unknown", "a worker died that had it in hand"),
        (recording(alive=False, closed=9.0), RUNNING, "unknown", "in its queue again"),
        (recording(), ended(OutcomeWord.OK), "ended", "brought it to its end"),
        (recording(), ended(OutcomeWord.REPLAYED), "ended", "brought it to its end"),
        (recording(), ended(OutcomeWord.RETRY), "unknown", "waits for a retry"),
        (recording(), ended(OutcomeWord.PUT_BACK), "unknown", "in its queue again"),
    ],
)
def test_what_a_worker_recorded_last_says_where_the_request_is(
    found: FlightRecording, request_: RecordedRequest, state: str, words: str
) -> None:
    (story,) = conclude("a", [Findings(tuple(recorded_facts(found, request_)))]).stories
    assert story.state is RequestState(state)
    assert words in story.text


@pytest.mark.parametrize("answered", [2.5, 900.0])
def test_a_request_whose_connection_was_lost_is_not_in_the_hand_of_that_worker_when_another_is_done(
    answered: float,
) -> None:
    lost = Findings(tuple(recorded_facts(recording(), RUNNING)))
    row = KnownFact(event=KnownEvent.ANSWERED, text="executed", source="row", at=answered, principal="7")
    (story,) = conclude("a", [lost, Findings((row,))]).stories
    assert story.state is RequestState.DONE
    assert KnownEvent.IN_HAND not in {fact.event for fact in story.facts}


def test_a_request_that_is_sent_again_after_its_answer_is_in_hand() -> None:
    row = KnownFact(event=KnownEvent.ANSWERED, text="executed", source="row", at=1.5, principal="7")
    (story,) = conclude("a", [Findings((*recorded_facts(recording(), RUNNING), row))]).stories
    assert story.state is RequestState.IN_HAND


def test_of_two_deliveries_of_a_request_the_later_one_is_in_hand() -> None:
    again = RecordedRequest(sequence=2, id="a", action="v1.order", received=5.0, settled=6.0, outcome=OutcomeWord.OK)
    facts = (*recorded_facts(recording(), RUNNING), *recorded_facts(recording(), again))
    (story,) = conclude("a", [Findings(facts)]).stories
    assert story.state is RequestState.ENDED
