"""Which reports of processes mean that they are alive, ready and started."""

import pytest

from leveret.observe.health import LATELY, SILENT, not_alive, not_ready, not_started
from leveret.observe.reports import ProcessReport, Reports, WorkerState
from leveret.observe.totals import Totals

CONSUMING = WorkerState(consuming=True)
WELL = ProcessReport(pid=1, state=CONSUMING, has_consumed=True, database=1.0)


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def reported(*reports: ProcessReport, age: float = 0.0) -> Reports:
    now = Now()
    found = Reports(len(reports) or 1, now)
    for number, report in enumerate(reports):
        found.put(number, report)
    now.seconds += age
    return found


@pytest.mark.parametrize(
    ("report", "age", "words"),
    [
        (WELL, 1.0, None),
        (ProcessReport(pid=1), 1.0, None),  # broker and database are away: a new process would not reach them either
        (WELL, SILENT + 1, "its event loop has not moved for 16 s"),
        (ProcessReport(pid=1, lanes_still=59.0), 1.0, None),
        (ProcessReport(pid=1, lanes_still=61.0), 1.0, "no job has ended in its lanes for 61 s"),
    ],
)
def test_a_process_is_alive_while_its_loop_and_its_lanes_move(
    report: ProcessReport, age: float, words: str | None
) -> None:
    assert not_alive(reported(report, age=age), 60.0) == ([f"process 1: {words}"] if words else [])


@pytest.mark.parametrize(
    ("report", "age", "words"),
    [
        (WELL, 1.0, None),
        (ProcessReport(pid=1, state=CONSUMING), 1.0, "the database has not answered lately"),
        (ProcessReport(pid=1, state=CONSUMING, database=LATELY), 1.0, "the database has not answered lately"),
        (ProcessReport(pid=1, database=1.0), 1.0, "it does not consume: the broker or the database is away"),
        (WELL, SILENT + 1, "it has not reported for 16 s"),
    ],
)
def test_a_process_is_ready_while_it_consumes_and_its_database_answers(
    report: ProcessReport, age: float, words: str | None
) -> None:
    assert not_ready(reported(report, age=age)) == ([f"process 1: {words}"] if words else [])


def test_one_process_that_works_makes_all_ready() -> None:
    assert not_ready(reported(ProcessReport(pid=2), WELL)) == []


def test_before_any_report_all_is_alive_and_nothing_is_ready() -> None:
    nothing = Reports(2)
    assert not_alive(nothing, 60.0) == []
    assert not_ready(nothing) == ["no process has reported yet"]
    assert not_started(nothing) == ["0 of 2 processes have consumed so far"]


def test_started_stays_true_when_a_process_starts_again() -> None:
    reports = reported(WELL, ProcessReport(pid=2))
    assert not_started(reports) == ["1 of 2 processes have consumed so far"]
    reports.put(1, WELL)
    reports.end(0)
    assert not_started(reports) == []


def test_what_an_ended_process_has_counted_stays_in_the_sum() -> None:
    counted = Totals(requests={"v1.greet": {"ok": 5}}, reconnects=1)
    reports = reported(ProcessReport(pid=1, totals=counted), ProcessReport(pid=2, totals=counted))
    reports.end(0)
    reports.end(0)
    reports.put(2, ProcessReport(pid=3, totals=Totals(requests={"v1.greet": {"ok": 1}})))
    assert reports.totals().requests == {"v1.greet": {"ok": 11}}
    assert [known.report.pid for known in reports.processes()] == [2, 3]


def test_waiting_work_is_measured_in_seconds_of_all_lanes() -> None:
    totals = Totals()
    assert ProcessReport(pid=1, totals=totals, state=WorkerState(ready=10, lanes=2)).work_waiting == 0.0
