"""Where a request is, by what is known of it."""

import pytest

from leveret.operate.explain import BlindSpot, Findings, KnownEvent, KnownFact, RequestState, conclude


def fact(event: str, at: float | None = None, principal: str | None = "7") -> KnownFact:
    return KnownFact(event=KnownEvent(event), text=event, source="test", at=at, principal=principal)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        (["failed"], "unknown"),
        (["failed", "given_up", "letter"], "letter"),
        (["failed", "given_up", "letter", "answered"], "done"),
        (["given_up", "redriven"], "sent_again"),
        (["given_up", "redriven", "given_up", "discarded"], "discarded"),
        (["given_up", "edited"], "unknown"),
        (["given_up", "edited", "letter"], "letter"),
        (["given_up", "redriven", "answered"], "done"),
        (["answered", "in_hand"], "in_hand"),
        (["on_record"], "on_record"),
        (["on_record", "in_hand"], "in_hand"),
        (["on_record", "answered"], "done"),
        (["received", "ended"], "ended"),
        (["received"], "unknown"),
    ],
)
def test_what_holds_now_decides_before_what_happened_last(events: list[str], state: str) -> None:
    facts = tuple(fact(event, float(number)) for number, event in enumerate(events))
    (story,) = conclude("a", [Findings(facts)]).stories
    assert story.state is RequestState(state)


def test_a_request_that_is_done_and_lies_among_the_letters_says_both() -> None:
    (story,) = conclude("a", [Findings((fact("letter"), fact("answered", 1.0)))]).stories
    assert "its dead letter lies in the queue too" in story.text


def test_facts_stand_in_the_order_of_their_times_and_what_holds_now_comes_last() -> None:
    given = Findings((fact("letter"), fact("given_up", 3.0))), Findings((fact("failed", 2.0), fact("failed", 1.0)))
    (story,) = conclude("a", given).stories
    assert [each.at for each in story.facts] == [1.0, 2.0, 3.0, None]


def test_within_a_millisecond_an_attempt_stands_between_its_beginning_and_its_end() -> None:
    given = fact("passed_on", 7.0012), fact("given_up", 7.001), fact("failed", 7.001), fact("received", 7.00123)
    (story,) = conclude("a", [Findings((*given, fact("received", 7.0009)))]).stories
    assert [each.event.value for each in story.facts] == ["received", "received", "failed", "given_up", "passed_on"]
    assert story.facts[0].at == 7.0009


def test_what_is_past_at_a_time_that_nobody_knows_comes_before_what_holds_now() -> None:
    given = Findings((fact("letter"), fact("redriven"), fact("failed", 1.0)))
    (story,) = conclude("a", [given]).stories
    assert [each.event.value for each in story.facts] == ["failed", "redriven", "letter"]


def test_an_id_of_two_principals_is_two_requests() -> None:
    explanation = conclude("a", [Findings((fact("answered", 1.0, "7"), fact("letter", None, "8")))])
    assert [(story.principal, story.state.value) for story in explanation.stories] == [("7", "done"), ("8", "letter")]


def test_what_a_source_tells_without_the_principal_belongs_to_the_only_one_that_is_known() -> None:
    (story,) = conclude("a", [Findings((fact("answered", 1.0, "7"), fact("received", 0.5, None)))]).stories
    assert (story.principal, len(story.facts)) == ("7", 2)


def test_what_a_source_tells_without_the_principal_stands_alone_where_there_are_several() -> None:
    facts = fact("answered", 1.0, "7"), fact("answered", 1.0, ""), fact("received", 0.5, None)
    assert [story.principal for story in conclude("a", [Findings(facts)]).stories] == ["", "7", None]


def test_blind_spots_are_named_once() -> None:
    spot = BlindSpot("database", "away")
    explanation = conclude("a", [Findings(blind=(spot,)), Findings(blind=(spot,))])
    assert (explanation.stories, explanation.blind) == ((), (spot,))
