"""Counting down leased shares; every lease is written as the store would answer it."""

from datetime import timedelta

import pytest

from leveret.api import RateLimit
from leveret.auth.claims import LONGEST_SUBJECT, subject_of
from leveret.sql.records import Lease
from leveret.worker.admit.allowance import Allowance, Verdict, row_of

LIMIT = RateLimit(100, timedelta(seconds=60))


def granted(*leases: tuple[int, int], window: int = 1, seconds: float = 60.0) -> Allowance:
    """An allowance that asked at time 0 for shares, and was told for each how many were taken with it."""
    allowance = Allowance(LIMIT)
    for share, taken in leases:
        allowance.grant(share, Lease(window, taken, seconds), 0.0)
    return allowance


def admitted(allowance: Allowance, now: float = 1.0) -> int:
    """Count the requests that are admitted before another answer comes."""
    count = 0
    while allowance.admit(now) is Verdict.ADMITTED:
        count += 1
    return count


def test_nothing_is_known_before_the_first_lease() -> None:
    assert Allowance(LIMIT).admit(0.0) is Verdict.UNKNOWN
    assert not Allowance(LIMIT).is_low(0.0)


@pytest.mark.parametrize(
    ("leases", "count", "then"),
    [
        ([(10, 10)], 10, Verdict.UNKNOWN),
        ([(10, 10), (9, 19)], 19, Verdict.UNKNOWN),
        ([(10, 100)], 10, Verdict.SPENT),
        ([(10, 101)], 9, Verdict.SPENT),
        ([(10, 110)], 0, Verdict.SPENT),
        ([(10, 250)], 0, Verdict.SPENT),
        ([(300, 300)], 100, Verdict.SPENT),
        ([(300, 350)], 50, Verdict.SPENT),
        ([(1, 100)], 1, Verdict.SPENT),
    ],
)
def test_a_share_admits_what_of_it_lies_within_the_limit(
    leases: list[tuple[int, int]], count: int, then: Verdict
) -> None:
    allowance = granted(*leases)
    assert admitted(allowance) == count
    assert allowance.admit(1.0) is then


def test_what_is_left_of_a_window_is_void_when_it_ends() -> None:
    allowance = granted((10, 10))
    assert allowance.admit(59.9) is Verdict.ADMITTED
    assert allowance.admit(60.0) is Verdict.UNKNOWN
    allowance.grant(5, Lease(2, 5, 60.0), 60.0)
    assert admitted(allowance, 61.0) == 5


def test_a_spent_window_ends_too() -> None:
    allowance = granted((10, 110))
    assert allowance.admit(59.9) is Verdict.SPENT
    assert allowance.admit(60.0) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("taken", "waiting", "now", "share"),
    [
        (0, 1, 0.0, 10),
        (50, 1, 0.0, 5),
        (95, 1, 0.0, 1),
        (50, 0, 0.0, 5),
        (50, 40, 0.0, 40),
        (100, 3, 0.0, 3),
        (95, 1, 60.0, 10),
    ],
)
def test_the_next_share_is_a_part_of_what_is_left_and_enough_for_those_that_wait(
    taken: int, waiting: int, now: float, share: int
) -> None:
    allowance = granted((1, taken)) if taken else Allowance(LIMIT)
    assert allowance.next_share(waiting, now) == share


def test_more_is_leased_before_the_last_one_is_used() -> None:
    allowance = granted((10, 10))
    low = []
    while allowance.admit(1.0) is Verdict.ADMITTED:
        low.append(allowance.is_low(1.0))
    assert low == [False] * 4 + [True] * 6
    assert not allowance.is_low(60.0), "a window that is over needs no more"


@pytest.mark.parametrize("lease", [(1, 50), (10, 100)])
def test_single_requests_and_a_window_that_is_all_leased_are_not_leased_ahead(lease: tuple[int, int]) -> None:
    allowance = granted(lease)
    admitted(allowance)
    assert not allowance.is_low(1.0)


def test_a_refusal_tells_limit_remaining_and_when_to_ask_again() -> None:
    error = granted((10, 110)).refusal(12.25)
    assert str(error) == "More than 100 requests in 60 s; ask again in 47.75 s"
    assert error.details == {"limit": 100, "remaining": 0, "retry_after": 47.75}
    assert error.kept is False


def test_the_refusal_of_one_action_names_it() -> None:
    allowance = Allowance(RateLimit(1, timedelta(seconds=60), action="v1.charge"))
    allowance.grant(1, Lease(1, 2, 60.0), 0.0)
    assert str(allowance.refusal(57.0)) == "More than 1 request of v1.charge in 60 s; ask again in 3 s"


def test_a_principals_window_has_its_own_name() -> None:
    assert row_of("7") == "7"


LONGEST_ROW = 64
"""Characters of the column ``principal`` of ``rate_windows``."""


def test_the_window_of_an_action_has_a_name_that_no_principal_can_have() -> None:
    longest = "p" * LONGEST_SUBJECT
    rows = [row_of(principal, action) for principal in ("7", longest) for action in ("v1.charge", "v1.refund")]
    assert len(set(rows)) == 4
    for row in rows:
        assert len(row) <= LONGEST_ROW
        with pytest.raises(ValueError, match="misread"):
            subject_of({"sub": row})
    assert subject_of({"sub": longest}) == longest
    assert rows[0] == " 1353406328f64279b6519e225176e7db4569c9ef11b7b7a9c4a170196e475d", "the same in every version"


@pytest.mark.parametrize(("most", "window"), [(0, timedelta(seconds=1)), (1, timedelta(0))])
def test_a_limit_that_admits_nobody_cannot_be_made(most: int, window: timedelta) -> None:
    with pytest.raises(ValueError, match="at least 1 request"):
        RateLimit(most, window)
