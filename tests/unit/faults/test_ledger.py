"""The ledger's judgement: every figure is seen to be right, and every one that has to be 0 is seen not to be."""

from __future__ import annotations

import pytest

from faults.ledger import MUST_BE_ZERO, Answer, Entry, Evidence, Figures, Letter, Request, judge

OK = b'{"status":"ok","data":{"id":1}}'
OTHER = b'{"status":"ok","data":{"id":2}}'
REFUSED = b'{"status":"error","code":"invalid_request"}'
GIVEN_UP = b'{"status":"error","code":"retries_exhausted"}'
TASK = (1, "r1")


def asked(*answers: Answer, tries: int = 1, denied: int = 0, due: str | None = None, payload: str = "") -> Entry:
    request = Request(id="r1", user=1, kind="ask", payload=payload)
    return Entry(request, due, accepted=bool(answers), tries=tries, denied=denied, answers=list(answers))


def sent(*, accepted: bool = True, tries: int = 1, denied: int = 0, due: str | None = None) -> Entry:
    return Entry(Request(id="r1", user=1, kind="send"), due, accepted=accepted, tries=tries, denied=denied)


def again(entry: Entry, *answers: Answer) -> Entry:
    entry.again = list(answers)
    return entry


def wrong(figures: Figures) -> dict[str, int]:
    """The figures that should be 0 and are not."""
    return {name: getattr(figures, name) for name in MUST_BE_ZERO if getattr(figures, name)}


DONE = Evidence(effects=[TASK], rows={TASK: OK})
NOTHING = Evidence(effects=[])
LETTER = Letter("r1", 1, "retries exhausted: simulated")
GOOD = {
    "asked and answered": (asked(Answer(OK)), DONE),
    "sent and done": (sent(), DONE),
    "sent, and still in a queue": (sent(), Evidence(effects=[], queued=["r1"])),
    "answered after a passing refusal": (asked(Answer(b"later", "overloaded"), Answer(OK)), DONE),
    "answered twice alike": (asked(Answer(OK), Answer(OK)), DONE),
    "asked again and answered alike": (again(asked(Answer(OK)), Answer(OK)), DONE),
    "sent, then asked for": (again(sent(), Answer(OK)), DONE),
    "refused": (asked(Answer(REFUSED, "invalid_request")), NOTHING),
    "refused, and the refusal was stored": (
        again(asked(Answer(REFUSED, "invalid_request")), Answer(REFUSED, "invalid_request")),
        Evidence(effects=[], rows={TASK: REFUSED}),
    ),
    "a due letter, asked": (
        asked(Answer(GIVEN_UP, "retries_exhausted"), due="retries exhausted"),
        Evidence(effects=[], letters=[LETTER]),
    ),
    "a due letter, sent": (sent(due="retries exhausted"), Evidence(effects=[], letters=[LETTER])),
    "a due letter that does not say whose it is": (
        sent(due="invalid"),
        Evidence(effects=[], letters=[Letter("r1", None, "invalid_request: title")]),
    ),
    "a due letter twice": (sent(due="retries exhausted"), Evidence(effects=[], letters=[LETTER, LETTER])),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_is_in_order_counts_as_nothing_wrong(case: str) -> None:
    entry, evidence = GOOD[case]
    figures = judge([entry], evidence)
    assert figures.clean, figures
    assert wrong(figures) == {}


BAD = {
    "lost: sent and nothing is there": (sent(), NOTHING, {"lost": 1}),
    "lost: answered with ok and no effect": (asked(Answer(OK)), Evidence(effects=[], rows={TASK: OK}), {"lost": 1}),
    "lost: answered with ok, and only a letter": (
        asked(Answer(OK), due="retries exhausted"),
        Evidence(effects=[], rows={TASK: OK}, letters=[LETTER]),
        {"lost": 1},
    ),
    "lost: given up without a letter": (asked(Answer(GIVEN_UP, "retries_exhausted")), NOTHING, {"lost": 1}),
    "lost: a due letter is not there": (sent(due="retries exhausted"), NOTHING, {"lost": 1}),
    "duplicates: two effects": (sent(), Evidence(effects=[TASK, TASK]), {"duplicates": 1}),
    "duplicates: three effects": (sent(), Evidence(effects=[TASK] * 3), {"duplicates": 2}),
    "duplicates: a second one by asking again": (
        again(sent(), Answer(OK)),
        Evidence(effects=[TASK], effects_after=[TASK, TASK], rows={TASK: OK}),
        {"duplicates": 1},
    ),
    "duplicates: an effect without its response": (
        again(sent(), Answer(OK)),
        Evidence(effects=[TASK], effects_after=[TASK, TASK]),
        {"duplicates": 1},
    ),
    "ghosts: nobody sent it": (sent(), Evidence(effects=[TASK, (1, "r2")]), {"ghosts": 1}),
    "ghosts: under another user": (sent(), Evidence(effects=[TASK, (2, "r1")]), {"ghosts": 1}),
    "ghosts: it was never accepted": (
        sent(accepted=False, tries=2, denied=2),
        Evidence(effects=[TASK]),
        {"ghosts": 1, "unanswered": 1},
    ),
    "ghosts: every answer said that it was not executed": (
        asked(Answer(b"later", "overloaded"), denied=1),
        Evidence(effects=[TASK]),
        {"ghosts": 1, "unanswered": 1},
    ),
    "ghosts: refused and done": (
        asked(Answer(REFUSED, "invalid_request")),
        Evidence(effects=[TASK], rows={TASK: REFUSED}),
        {"ghosts": 1},
    ),
    "ghosts: it had to fail": (
        sent(due="retries exhausted"),
        Evidence(effects=[TASK], letters=[LETTER]),
        {"ghosts": 1},
    ),
    "stuck": (sent(), Evidence(effects=[], queued=["r1"], stuck=1), {"stuck": 1}),
    "unanswered: asked": (asked(tries=4), DONE, {"unanswered": 1}),
    "unanswered: late each time, and executed when asked again": (
        again(asked(Answer(b"late", "deadline_exceeded"), tries=4, denied=1), Answer(OK)),
        Evidence(effects=[], effects_after=[TASK]),
        {"unanswered": 1},
    ),
    "unanswered: never accepted": (sent(accepted=False, tries=9, denied=9), NOTHING, {"unanswered": 1}),
    "unanswered: asked again in vain": (again(sent()), DONE, {"unanswered": 1}),
    "contradicting: two answers": (asked(Answer(OK), Answer(OTHER)), DONE, {"contradicting": 1}),
    "contradicting: asked again": (again(asked(Answer(OK)), Answer(OTHER)), DONE, {"contradicting": 1}),
    "contradicting: the row": (asked(Answer(OTHER)), DONE, {"contradicting": 1}),
    "contradicting: no row": (asked(Answer(OK)), Evidence(effects=[TASK]), {"contradicting": 1}),
    "contradicting: ok and then a refusal": (
        again(asked(Answer(OK)), Answer(REFUSED, "invalid_request")),
        DONE,
        {"contradicting": 1},
    ),
    "contradicting: sent, and then refused": (
        again(sent(), Answer(REFUSED, "invalid_request")),
        DONE,
        {"contradicting": 1},
    ),
    "contradicting: reused, although it was not": (
        again(sent(), Answer(b"reused", "id_reused")),
        DONE,
        {"contradicting": 1},
    ),
    "undue: a good request": (
        sent(),
        Evidence(effects=[TASK], letters=[LETTER]),
        {"letters_undue": 1},
    ),
    "undue: for another reason": (
        sent(due="retries exhausted"),
        Evidence(effects=[], letters=[Letter("r1", 1, "3 workers died")]),
        {"letters_undue": 1},
    ),
    "undue: nobody's": (sent(), Evidence(effects=[TASK], letters=[Letter("?", None, "x")]), {"letters_undue": 1}),
    "undue: another user's": (
        sent(due="retries exhausted"),
        Evidence(effects=[], letters=[LETTER, Letter("r1", 2, LETTER.reason)]),
        {"letters_undue": 1},
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_counted_under_its_name_and_makes_the_scene_red(case: str) -> None:
    entry, evidence, expected = BAD[case]
    figures = judge([entry], evidence)
    assert wrong(figures) == expected
    assert not figures.clean
    assert set(figures.examples) == set(expected) - {"stuck"}


def test_every_figure_that_must_be_zero_is_seen_to_be_another() -> None:
    seen: set[str] = set()
    for _, _, expected in BAD.values():
        seen |= set(expected)
    assert seen == set(MUST_BE_ZERO)


def test_what_clients_were_told_is_counted() -> None:
    entries = [asked(Answer(OK)), again(sent(), Answer(OK)), sent(accepted=False)]
    figures = judge(entries, DONE)
    counts = {name: count for name, count in figures.counts().items() if count}
    assert counts == {"sent": 3, "accepted": 2, "answered": 1, "asked_again": 1, "unanswered": 1}


def test_letters_are_counted_once_for_each_request_and_repeated_ones_apart() -> None:
    figures = judge([sent(due="retries exhausted")], Evidence(effects=[], letters=[LETTER, LETTER, LETTER]))
    assert (figures.letters_due, figures.letters_repeated) == (1, 2)


RIVALS = {
    "one wins, the other is told so": ([Answer(OK, None, "a")], [Answer(b"no", "id_reused", "b")], 0),
    "both win": ([Answer(OK, None, "a")], [Answer(OTHER, None, "b")], 1),
    "both get the same": ([Answer(OK, None, "a")], [Answer(OK, None, "b")], 1),
    "the winner loses later": (
        [Answer(OK, None, "a"), Answer(b"no", "id_reused", "a")],
        [Answer(b"no", "id_reused", "b")],
        1,
    ),
}


@pytest.mark.parametrize("case", RIVALS)
def test_of_two_contents_under_one_id_exactly_one_is_executed(case: str) -> None:
    first, second, expected = RIVALS[case]
    figures = judge([asked(*first, payload="a"), asked(*second, payload="b")], DONE)
    assert figures.contradicting == expected


def test_the_same_id_of_two_users_is_two_requests() -> None:
    mine, theirs = asked(Answer(OK)), Entry(Request(id="r1", user=2), accepted=True, tries=1, answers=[Answer(OTHER)])
    both = Evidence(effects=[(1, "r1"), (2, "r1")], rows={(1, "r1"): OK, (2, "r1"): OTHER})
    assert judge([mine, theirs], both).clean
    assert wrong(judge([mine, theirs], DONE)) == {"lost": 1, "contradicting": 1}
