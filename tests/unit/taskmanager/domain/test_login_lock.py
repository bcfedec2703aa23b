from datetime import timedelta

import pytest

from taskmanager.domain.login_lock import LONGEST, lock_after


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 0), (4, 0), (5, 1), (6, 2), (7, 4), (8, 8), (14, 512), (15, 900), (16, 900), (2**31, 900)],
)
def test_the_lock_doubles_from_the_fifth_failure_up_to_a_quarter_of_an_hour(failures: int, seconds: int) -> None:
    assert lock_after(failures) == timedelta(seconds=seconds)
    assert timedelta(minutes=15) == LONGEST
