"""The attempts that travel with a request's retries: bounded, and without what must not be written down."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.amqp import size_of
from leveret.wire.attempts import (
    LARGEST_ATTEMPTS,
    MOST_ATTEMPTS,
    Attempt,
    attempts_digest,
    attempts_header,
    bound_attempts,
    failed_attempt,
    read_attempts,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl"


def test_what_travels_is_read_again() -> None:
    attempts = [failed_attempt(NOW, "worker 1", "not now"), failed_attempt(NOW, "worker 2", "still not")]
    assert read_attempts(attempts_header(attempts), attempts_digest(attempts)) == tuple(attempts)


def test_without_attempts_there_is_no_header() -> None:
    assert attempts_header([]) == {}
    assert attempts_digest([]) == ""
    assert read_attempts({}, "") == read_attempts(None, "") == ()


@pytest.mark.parametrize("change", ["a digest of others", "no digest", "one more", "one less", "another reason"])
def test_attempts_for_which_the_ticket_does_not_speak_are_nobodys_word(change: str) -> None:
    attempts = [failed_attempt(NOW, "worker 1", "not now"), failed_attempt(NOW, "worker 2", "still not")]
    digest = {"a digest of others": attempts_digest(attempts[:1]), "no digest": ""}.get(
        change, attempts_digest(attempts)
    )
    came = {
        "one more": [*attempts, attempts[0]],
        "one less": attempts[1:],
        "another reason": [attempts[0], failed_attempt(NOW, "worker 2", "your password, please")],
    }.get(change, attempts)
    assert read_attempts(attempts_header(came), digest) == ()


@pytest.mark.parametrize(
    "header", ["text", 7, None, [7], [{}], [{"failed_at": "x", "worker": "y"}], [{"failed_at": 1, "worker": 2}], {}]
)
def test_a_header_that_is_not_ours_tells_of_no_attempt(header: Any) -> None:
    assert read_attempts({"x-attempts": header}, "0" * 32) == ()


def test_an_attempt_is_cut_and_shows_neither_a_token_nor_a_forged_line() -> None:
    attempt = failed_attempt(NOW, f"worker {TOKEN}\n", f"no {TOKEN}\nok: {'x' * 1000}")
    assert "eyJ" not in attempt.worker + attempt.reason
    assert "\n" not in attempt.worker + attempt.reason
    assert len(attempt.reason) < 350


def test_of_many_attempts_the_first_and_the_newest_travel() -> None:
    attempts = [failed_attempt(NOW, "worker", f"reason {number}") for number in range(100)]
    kept = bound_attempts(attempts)
    assert kept == (attempts[0], *attempts[1 - MOST_ATTEMPTS :])


@given(st.lists(st.builds(Attempt, st.text(max_size=30), st.text(), st.text(max_size=9000)), max_size=20))
def test_what_travels_has_room_in_its_header_whatever_it_is(attempts: list[Attempt]) -> None:
    kept = bound_attempts(attempts)
    assert size_of(attempts_header(kept)) <= LARGEST_ATTEMPTS
    assert len(kept) <= MOST_ATTEMPTS
    assert set(kept) <= set(attempts)
