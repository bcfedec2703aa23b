"""Charts and times."""

from leveret.web.console.languages.catalogue import language
from leveret.web.console.showing.charts import line_chart
from leveret.web.console.showing.moments import ago, span
from leveret.web.console.showing.templates import lines


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    assert line_chart([1, 2, None, 3, 4], "x").count("<polyline") == 2
    assert "<polyline" not in line_chart([None, None], "x")


def test_the_label_of_a_chart_is_escaped() -> None:
    assert 'aria-label="&lt;b&gt;"' in line_chart([1, 2], "<b>")


def test_a_time_says_how_long_ago_and_the_moment_beside_it() -> None:
    shown = ago(1_800_000_000.0, 1_800_000_125.0, language("en"))
    assert "2 min ago" in shown
    assert 'title="2027-01-15 08:00:00 UTC"' in shown


def test_durations_are_shown_in_one_unit() -> None:
    spoken = language("en")
    assert [str(span(value, spoken)) for value in (0.0042, 0.25, 1.5, 90)] == ["4.2 ms", "250 ms", "1.5 s", "1.5 min"]


def test_lines_stay_lines_and_everything_else_is_escaped() -> None:
    assert lines("a\n<b>\x1b") == "a\n&lt;b&gt;\\x1b"
