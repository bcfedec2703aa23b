"""What counts as wrong: each rule with a system in which it speaks, and one in which it does not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from leveret.operate.overview import (
    DepthSample,
    Durations,
    HeldRequest,
    Overview,
    Part,
    Problem,
    Seen,
    System,
    WorkerSample,
    compose,
)
from leveret.operate.overview.sentences import SENTENCES

NOW = 1_800_000_000.0
SYSTEM = System(application="guestbook", limit=1000, watchdog=120.0, command="guestbook {}".format)
OK = Part(state="ok", words="fine")
BOUNDS = (0.1, 1.0, 30.0)


def worker(at: float = NOW, **instead: Any) -> WorkerSample:
    """One process that started an hour before and has done nothing since."""
    facts: dict[str, Any] = {
        "name": "guestbook worker 7",
        "host": "ant",
        "pid": 7,
        "version": "1.0",
        "framework": "0.1",
        "started": NOW - 3600,
    }
    return WorkerSample(at=at, **(facts | instead))


def seen(*workers: WorkerSample, depths: Any = None, **instead: Any) -> Seen:
    """A system whose parts are well, with one consumer and empty queues unless said otherwise."""
    quiet = (DepthSample(at=NOW, waiting=0, retrying=0, letters=0, consumers=1),)
    parts = {"broker": OK, "database": OK, "reports": OK, "index": OK}
    return Seen(workers=workers or (worker(),), depths=depths or quiet, **(parts | instead))


def waits(*, waiting: int, for_seconds: float = 60.0, consumers: int = 1) -> tuple[DepthSample, ...]:
    return tuple(
        DepthSample(at=NOW - ago, waiting=waiting, retrying=0, letters=0, consumers=consumers)
        for ago in (for_seconds, for_seconds / 2, 0.0)
    )


def away(words: str = "it is away") -> Part:
    return Part(state="away", words=words, since=NOW - 30)


def codes(overview: Overview) -> list[str]:
    return [problem.code for problem in overview.problems]


def only(overview: Overview) -> Problem:
    (problem,) = overview.problems
    return problem


def test_a_system_that_is_well_has_no_problem() -> None:
    overview = compose(seen(), SYSTEM, NOW)
    assert overview.problems == ()
    assert overview.blind == ()


BUSY = (worker(NOW - 60, finished=100), worker(NOW, finished=700))

CASES: dict[str, tuple[Seen, str, float | None, int | None]] = {
    "broker away": (seen(broker=away()), "broker_away", NOW - 30, None),
    "broker alarm": (
        seen(*BUSY, broker=Part(state="troubled", words="low on memory", since=NOW - 9), depths=waits(waiting=3)),
        "broker_alarm",
        NOW - 9,
        3,
    ),
    "database away": (
        seen(worker(held=(HeldRequest("a", "v1.sign", NOW - 1),)), database=away()),
        "database_away",
        NOW - 30,
        1,
    ),
    "database of another": (
        seen(database=Part(state="troubled", words="its tables are older")),
        "database_unfit",
        None,
        0,
    ),
    "nobody consumes": (
        seen(worker(NOW - 300, ended=True), depths=waits(waiting=12, consumers=0)),
        "nobody_consumes",
        NOW - 300,
        12,
    ),
    "workers run and do not consume": (seen(depths=waits(waiting=12, consumers=0)), "nobody_consumes", NOW, 12),
    "nothing is finished": (seen(depths=waits(waiting=12)), "nothing_finished", NOW - 60, 12),
    "one of twenty waits long": (
        seen(
            worker(NOW - 60, finished=100),
            worker(NOW, finished=200, waiting=Durations(BOUNDS, (80, 10, 10, 0))),
            depths=waits(waiting=1),
        ),
        "waits_long",
        NOW - 60,
        1,
    ),
    "more waits than is done": (
        seen(worker(NOW - 60), worker(NOW, finished=60), depths=waits(waiting=100)),
        "waits_long",
        NOW - 60,
        100,
    ),
    "nearly full": (
        seen(worker(NOW - 60), worker(NOW, finished=60000), depths=waits(waiting=800)),
        "nearly_full",
        None,
        800,
    ),
    "letters grow": (
        seen(worker(NOW - 301, letters=4), worker(NOW - 100, letters=5), worker(NOW, letters=7)),
        "letters_grow",
        NOW - 100,
        3,
    ),
    "retries grow": (seen(worker(NOW - 301), worker(NOW, retries=10, finished=100)), "retries_grow", None, 0),
    "a silent worker": (
        seen(worker(), worker(NOW - 21, pid=8, held=(HeldRequest("a", "v1.sign", NOW - 30),))),
        "worker_silent",
        NOW - 21,
        1,
    ),
    "held for long": (
        seen(worker(held=(HeldRequest("new", "v1.sign", NOW), HeldRequest("old", "v1.sign", NOW - 61)))),
        "held_long",
        NOW - 61,
        1,
    ),
    "two versions": (
        seen(worker(), worker(pid=8, version="1.1", started=NOW - 50)),
        "versions_differ",
        NOW - 50,
        None,
    ),
    "no reports": (seen(reports=away("no stream")), "reports_missing", NOW - 30, None),
    "no index": (seen(index=away("no stream")), "index_missing", NOW - 30, None),
}


@pytest.mark.parametrize(("found", "code", "since", "felt"), CASES.values(), ids=CASES)
def test_a_rule_says_what_is_wrong_since_when_and_for_how_many(
    found: Seen, code: str, since: float | None, felt: int | None
) -> None:
    problem = only(compose(found, SYSTEM, NOW))
    assert (problem.code, problem.since, problem.felt) == (code, since, felt)
    assert not problem.text[0].islower()
    assert problem.advice.endswith(".")
    assert "{" not in problem.text + problem.advice


def test_every_kind_of_problem_comes_up_in_these_cases() -> None:
    kinds = {problem.kind for found, *_ in CASES.values() for problem in compose(found, SYSTEM, NOW).problems}
    assert kinds == set(SENTENCES)


WELL: dict[str, Seen] = {
    "requests that wait for a moment": seen(*BUSY, depths=waits(waiting=12, for_seconds=4)),
    "requests that are done soon": seen(*BUSY, depths=waits(waiting=50)),
    "letters from before": seen(worker(NOW - 301, letters=4), worker(NOW, letters=4)),
    "letters that are there when we begin to look": seen(worker(NOW - 10, letters=4), worker(NOW, letters=4)),
    "a retry now and then": seen(worker(NOW - 301), worker(NOW, retries=9, finished=9)),
    "retries among very many": seen(worker(NOW - 301), worker(NOW, retries=10, finished=1000)),
    "a worker that has ended": seen(worker(), worker(NOW - 100, pid=8, ended=True)),
    "a worker that is forgotten": seen(worker(), worker(NOW - 601, pid=8)),
    "an old version that has ended": seen(worker(), worker(NOW - 10, pid=8, version="0.9", ended=True)),
    "a request in hand": seen(worker(held=(HeldRequest("a", "v1.sign", NOW - 59),))),
    "no database": seen(database=Part(state="unused", words="not needed")),
}


@pytest.mark.parametrize("found", WELL.values(), ids=WELL)
def test_what_is_usual_is_not_a_problem(found: Seen) -> None:
    assert codes(compose(found, SYSTEM, NOW)) == []


def test_without_watchdog_and_limit_their_rules_are_silent() -> None:
    free = replace(SYSTEM, watchdog=None, limit=None)
    old = worker(NOW, finished=60000, held=(HeldRequest("a", "v1.sign", NOW - 3000),))
    assert codes(compose(seen(worker(NOW - 60), old, depths=waits(waiting=999)), free, NOW)) == []


def test_the_worst_comes_first() -> None:
    found = seen(worker(), worker(pid=8, version="2.0"), broker=away(), database=away())
    assert codes(compose(found, SYSTEM, NOW)) == ["broker_away", "database_away", "versions_differ"]


def test_the_command_of_the_application_is_named() -> None:
    problem = only(compose(seen(depths=waits(waiting=0, consumers=0)), SYSTEM, NOW))
    assert "`guestbook worker`" in problem.advice


@pytest.mark.parametrize(
    ("report", "kind"),
    [
        (worker(), "nobody_consumes_yet"),
        (worker(NOW - 30), "nobody_consumes"),
        (worker(ended=True), "nobody_consumes"),
    ],
    ids=["it reports", "it is silent", "it has ended"],
)
def test_workers_that_run_and_take_nothing_are_not_told_to_be_started(report: WorkerSample, kind: str) -> None:
    found = compose(seen(report, depths=waits(waiting=1, consumers=0)), SYSTEM, NOW)
    assert [problem.kind for problem in found.problems if problem.code == "nobody_consumes"] == [kind]
