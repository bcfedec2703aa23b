from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.process.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("300ms", timedelta(milliseconds=300)),
        ("5s", timedelta(seconds=5)),
        (" 2m ", timedelta(minutes=2)),
        ("1h", timedelta(hours=1)),
        ("7d", timedelta(days=7)),
        ("0s", timedelta()),
        ("007s", timedelta(seconds=7)),
    ],
)
def test_a_duration_is_a_whole_number_with_a_unit(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-5s", "1.5s", "5 s", "5S", "5s5s", "\u0665s", "1w", "9" * 13 + "s", "inf"]
)
def test_anything_else_is_refused_and_the_text_says_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match="300ms, 5s, 2m, 1h or 7d"):
        parse_duration(text)


def test_a_duration_that_no_timedelta_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        parse_duration("999999999999d")


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(1, "1ms"), (1_000, "1s"), (1_500, "1500ms"), (90_000, "90s"), (3_600_000, "1h"), (172_800_000, "2d"), (0, "0ms")],
)
def test_a_duration_is_written_in_the_largest_unit_that_fits(milliseconds: int, text: str) -> None:
    assert format_duration(timedelta(milliseconds=milliseconds)) == text


@pytest.mark.parametrize(("days", "text"), [(1, "24h"), (2, "48h"), (31, "744h")])
def test_a_name_of_a_queue_has_no_days(days: int, text: str) -> None:
    assert format_duration(timedelta(days=days), days=False) == text


MILLISECONDS = st.integers(0, 10**11) | st.builds(
    lambda count, size: count * size, st.integers(0, 1000), st.sampled_from([1_000, 60_000, 3_600_000, 86_400_000])
)


@given(MILLISECONDS, st.booleans())
def test_what_is_written_is_read_as_the_same(milliseconds: int, days: bool) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration, days=days)) == duration


@given(MILLISECONDS)
def test_what_is_read_is_written_in_one_way(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    written = format_duration(duration)
    assert format_duration(parse_duration(format_duration(duration, days=False))) == written
    assert format_duration(parse_duration(f"{milliseconds}ms")) == written
