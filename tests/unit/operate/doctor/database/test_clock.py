import pytest

from leveret.operate.doctor.database.clock import judge


@pytest.mark.parametrize(
    ("seconds", "state", "words"),
    [
        (0.1, "ok", "agrees"),
        (-1.9, "ok", "agrees"),
        (2.5, "warning", "2.5 s ahead of"),
        (-29.0, "warning", "29.0 s behind"),
        (31.0, "wrong", "31.0 s ahead of"),
    ],
)
def test_a_difference_of_clocks_matters_from_a_few_seconds_on(seconds: float, state: str, words: str) -> None:
    finding = judge(seconds)
    assert finding.state == state
    assert words in finding.text
