from datetime import timedelta

import pytest

from warren.errors import (
    BY_CODE,
    Conflict,
    RequestError,
    StorageBusy,
    StorageUnavailable,
    TemporaryError,
)
from warren.outcome import Answer, DeadLetter, PutBack, Retry
from warren.retry import RetryPolicy, decide

LADDER = RetryPolicy((timedelta(seconds=1), timedelta(seconds=10)), 3)


@pytest.mark.parametrize(
    ("error", "retries_done", "outcome"),
    [
        (TemporaryError("not now"), 0, Retry(1, 0, "not now")),
        (TemporaryError("not now"), 1, Retry(2, 1, "not now")),
        (TemporaryError("not now"), 2, Retry(3, 1, "not now")),
        (TemporaryError("not now"), 3, DeadLetter("retries exhausted: not now", "retries_exhausted", exhausted=True)),
        (TemporaryError("not now"), 9, DeadLetter("retries exhausted: not now", "retries_exhausted", exhausted=True)),
        (StorageBusy("locked"), 0, Retry(1, 0, "locked")),
        (KeyError("x"), 0, Retry(1, 0, "KeyError: 'x'")),
        (ValueError(), 3, DeadLetter("retries exhausted: ValueError", "retries_exhausted", exhausted=True)),
        (MemoryError(), 0, Retry(1, 0, "MemoryError")),
        (ValueError("two\nlines"), 0, Retry(1, 0, "ValueError: two lines")),
        (StorageUnavailable("gone"), 0, PutBack("gone")),
        (StorageUnavailable("gone"), 3, PutBack("gone")),
    ],
)
def test_what_a_failure_leads_to(error: Exception, retries_done: int, outcome: object) -> None:
    assert decide(error, "a1", retries_done, LADDER) == outcome


@pytest.mark.parametrize("retries_done", [0, 3, 9])
@pytest.mark.parametrize("kind", BY_CODE.values())
def test_a_refusal_is_answered_and_never_retried(kind: type[RequestError], retries_done: int) -> None:
    outcome = decide(kind("no"), "a1", retries_done, LADDER)
    assert isinstance(outcome, Answer)
    assert outcome.code == kind.code


def test_without_retries_the_first_failure_is_final() -> None:
    assert decide(TemporaryError("x"), "a", 0, RetryPolicy(most=0)) == DeadLetter(
        "retries exhausted: x", "internal", exhausted=True
    )


@pytest.mark.parametrize(
    ("delays", "most"), [((), 3), ((timedelta(0),), 3), ((timedelta(seconds=-1),), 3), ((timedelta(seconds=1),), -1)]
)
def test_a_policy_that_cannot_work_is_refused(delays: tuple[timedelta, ...], most: int) -> None:
    with pytest.raises(ValueError, match=r"Retr"):
        RetryPolicy(delays, most)


def test_each_code_stands_for_one_error() -> None:
    assert BY_CODE["conflict"] is Conflict
    kinds = RequestError.__subclasses__()
    assert sorted(kind.code for kind in kinds) == sorted(BY_CODE)
