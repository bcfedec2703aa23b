import pytest

from leveret.operate.overview.words import shown_count, shown_rate, shown_seconds


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0.0 ms"),
        (0.0042, "4.2 ms"),
        (0.25, "250 ms"),
        (1.0, "1 s"),
        (1.54, "1.5 s"),
        (12.3, "12 s"),
        (59.0, "59 s"),
        (180.0, "3 min"),
        (7300.0, "2 h"),
        (400_000.0, "5 d"),
    ],
)
def test_a_duration_is_shown_in_one_unit(seconds: float, shown: str) -> None:
    assert shown_seconds(seconds) == shown


@pytest.mark.parametrize(("rate", "shown"), [(None, "-"), (0.0, "0"), (0.44, "0.4"), (12.4, "12"), (1234.0, "1,234")])
def test_a_rate_is_shown_as_short_as_it_can_be(rate: float | None, shown: str) -> None:
    assert shown_rate(rate) == shown


def test_a_number_that_nobody_knows_is_a_hyphen() -> None:
    assert (shown_count(None), shown_count(1234)) == ("-", "1,234")
