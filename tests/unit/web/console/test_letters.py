"""Letters while the broker is away, and what a trial says."""

import sys
from dataclasses import replace
from pathlib import Path

from starlette.testclient import TestClient as Browser

from leveret.web.console.letters import read_outcome, what_if
from support.consoles import site_in

SUMMARY = b'{"type":"summary","letters":2,"missing":["x"],"complete":true,"groups":[{"end":"fails","count":2}]}'


def test_while_the_broker_is_away_the_page_shows_what_was_known_last_and_says_so(operator: Browser) -> None:
    answer = operator.get("/letters?action=sign")
    assert answer.status_code == 200
    assert "The broker does not answer, so these are the letters as they were known last" in answer.text
    assert operator.get("/letters/nobody").status_code == 404


def test_a_filter_that_cannot_be_read_is_named(operator: Browser) -> None:
    answer = operator.get("/letters?older=soon")
    assert answer.status_code == 400
    assert "is not a duration" in answer.text
    assert operator.get("/letters?after=x").status_code == 400


def test_a_form_without_letters_changes_nothing(operator: Browser) -> None:
    for path in ("/letters/what-if", "/redrive", "/operations"):
        assert operator.post(path, data={"why": "x"}).status_code == 400


def test_the_last_line_of_a_trial_is_about_all_letters() -> None:
    outcome = read_outcome(b'{"type":"prediction"}\n' + SUMMARY + b"\n", b"")
    assert (outcome.letters, outcome.missing, outcome.groups[0].count) == (2, ["x"], 2)


def test_a_trial_that_fails_says_why_in_its_last_line() -> None:
    assert read_outcome(b"", b"a\nshop: no secret\n").trouble == "shop: no secret"
    assert read_outcome(b"", b"").trouble


async def test_an_id_that_looks_like_an_option_is_an_id(tmp_path: Path) -> None:
    called: list[tuple[str, ...]] = []

    def again(*words: str) -> list[str]:
        called.append(words)
        return ["false"]

    await what_if(replace(site_in(tmp_path), again=again), ["a", "--all"])
    assert called == [("letters", "redrive", "--what-if", "--json", "--", "a", "--all")]


async def test_a_trial_without_an_end_is_ended_and_says_so(tmp_path: Path) -> None:
    endless = [sys.executable, "-c", "import time; time.sleep(600)"]
    outcome = await what_if(replace(site_in(tmp_path), again=lambda *_: endless), ["a"], 0.05)
    assert outcome.trouble == "the trial has not ended within 0.05 s: choose fewer letters"
