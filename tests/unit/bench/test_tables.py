"""Tables and pages say what was measured, and what failed."""

from pathlib import Path

import pytest

from bench.case import Case, Sample
from bench.figures import Figures, Run, Spread
from bench.pages import BEGIN, END, NoMarkers, put_between
from bench.report import Report, document, read, write
from bench.tables import cell, costs, failed, number, of_case, page
from bench.targets import TARGETS

CASE = Case(name="echo", title="Echo", lines=lambda _pace: [], shown=("rate",))


def run(who: str, rate: float | None, failure: str = "") -> Run:
    sample = None if rate is None else Sample(values={"rate": rate})
    return Run(case="echo", who=who, setting="64", round=1, sample=sample, failure=failure)


def report(*runs: Run, quick: bool = False) -> Report:
    machine = {"cores": "2", "memory": "24 GB", "system": "Debian", "date": "2026-01-01"}
    return Report(figures=Figures(runs), machine=machine, versions={"RabbitMQ": "3.10.8"}, seconds=61.0, quick=quick)


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.0, "0.00")]
)
def test_a_number_has_as_many_digits_as_mean_something(value: float, text: str) -> None:
    assert number(value) == text


def test_a_cell_holds_the_median_and_the_spread() -> None:
    assert cell(Spread(2000.0, 1000.0, 3000.0, 5)) == "2,000 (1,000..3,000)"
    assert cell(Spread(2000.0, 2000.0, 2000.0, 1)) == "2,000"
    assert cell(None) == "-"


def test_a_table_has_a_row_for_each_line_and_shows_failed_ones_as_nothing() -> None:
    figures = Figures([run("leveret", 2000.0), run("pika", None, "3 missing\nmore")])
    assert of_case(figures, CASE).splitlines() == [
        "| who | setting | replies/s |",
        "| --- | --- | --- |",
        "| leveret | 64 | 2,000 |",
        "| pika | 64 | - |",
    ]
    assert failed(figures, CASE) == "- FAILED, not counted: pika, 64, round 1: 3 missing"
    assert costs(figures, CASE) == ""


def test_a_report_can_be_read_again_as_it_was_written(tmp_path: Path) -> None:
    written = report(run("leveret", 2000.0), run("pika", None, "3 missing"))
    write(written, tmp_path / "new" / "bench.json")
    again = read(tmp_path / "new" / "bench.json")
    assert again.figures.runs == list(written.figures.runs)
    assert page(again, [CASE]) == page(written, [CASE])


def test_a_smoke_test_is_held_against_no_target() -> None:
    assert document(report(run("leveret", 2000.0), quick=True))["targets"] == []
    assert "reached" not in page(report(run("leveret", 2000.0), quick=True), [CASE])
    assert len(document(report(run("leveret", 2000.0)))["targets"]) == len(TARGETS)
    assert "not measured" in page(report(run("leveret", 2000.0)), [CASE])


def test_a_page_shows_its_pictures_with_words_for_those_who_do_not_see_them() -> None:
    text = page(report(run("leveret", 2000.0)), [CASE], ["pictures/rates.png"])
    assert "![Replies per second of echo and whole job, ours and the peers'](pictures/rates.png)" in text


def test_tables_take_the_place_of_former_ones_and_leave_the_rest() -> None:
    text = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"
    once = put_between(text, "new")
    assert once == f"before\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    assert put_between(once, "new") == once


@pytest.mark.parametrize("text", ["nothing", BEGIN, f"{END} {BEGIN}", f"{BEGIN} {END} {BEGIN} {END}"])
def test_a_page_without_its_two_markers_is_refused(text: str) -> None:
    with pytest.raises(NoMarkers):
        put_between(text, "new")
