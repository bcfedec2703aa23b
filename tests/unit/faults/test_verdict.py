"""When a scene is green: no figure is wrong, and the fault struck often enough under enough load."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from faults import report
from faults.ledger import Figures
from faults.runner import Finding
from faults.scene import REGISTER, Plan, Scene, scene
from faults.system import System


async def nothing(_system: System, _plan: Plan) -> None:
    """A scene that does nothing."""


SCENE = Scene(name="quiet", title="nothing happens", run=nothing, requests=(100, 10), strikes=(5, 1))


def found(figures: Figures | None = None, *, strikes: int = 1, failure: str | None = None) -> Finding:
    figures = figures or Figures(sent=10, accepted=10, answered=10)
    return Finding(
        scene=SCENE, plan=SCENE.plan(7, short=True), figures=figures, strikes=strikes, seconds=1.5, failure=failure
    )


@pytest.mark.parametrize(
    ("finding", "verdict"),
    [
        (found(), "green"),
        (found(strikes=0), "invalid"),
        (found(Figures(sent=9)), "invalid"),
        (found(Figures(sent=10, lost=1)), "red"),
        (found(Figures(sent=10, lost=1), strikes=0), "red"),
        (found(failure="WorkerFailed: no worker"), "red"),
        (found(Figures(sent=10, letters_due=3, letters_repeated=1)), "green"),
    ],
)
def test_the_verdict_follows_from_the_figures(finding: Finding, verdict: str) -> None:
    assert finding.verdict == verdict


def test_a_letter_twice_is_red_where_nothing_but_the_requests_themselves_strikes() -> None:
    twice = found(Figures(sent=10, letters_due=3, letters_repeated=1))
    assert replace(twice, scene=replace(SCENE, letters_once=True)).verdict == "red"


def test_a_plan_is_the_same_for_the_same_seed_whatever_else_runs() -> None:
    first, second = SCENE.plan(7, short=False), SCENE.plan(7, short=False)
    assert (first.requests, first.strikes) == (100, 5)
    assert [first.random.random() for _ in range(5)] == [second.random.random() for _ in range(5)]
    assert SCENE.plan(8, short=False).random.random() != SCENE.plan(7, short=False).random.random()


def test_the_report_names_the_verdict_the_seed_and_what_is_wrong() -> None:
    figures = Figures(sent=10)
    figures.count_in("lost", ["r1", "r2"])
    text = report.block(found(figures, strikes=0), 7)
    assert "RED" in text
    assert "seed 7" in text
    assert "lost: r1, r2" in text
    assert "the fault struck 0 times, 1 are needed" in text


def test_the_report_is_json_and_a_table_too() -> None:
    findings = [found(), found(strikes=0)]
    document = json.loads(json.dumps(report.document(findings, 7, short=True)))
    assert [each["verdict"] for each in document["scenes"]] == ["green", "invalid"]
    assert document["seed"] == 7
    assert document["scenes"][0]["figures"]["sent"] == 10
    rows = report.table(findings).splitlines()
    assert len(rows) == 4
    assert len({row.count("|") for row in rows}) == 1
    assert report.summary(findings).count("quiet") == 2


def test_a_name_is_given_to_one_scene_only() -> None:
    register = scene("worker-killed", title="again", requests=1, strikes=1, short_requests=1, short_strikes=1)
    import faults.scenes  # noqa: F401, PLC0415 -- registers the scenes

    before = dict(REGISTER)
    with pytest.raises(ValueError, match="there is a scene worker-killed already"):
        register(nothing)
    assert before == REGISTER
