from datetime import timedelta

import pytest

from leveret.errors import (
    BY_CODE,
    Conflict,
    FailedAlone,
    RequestError,
    StorageBusy,
    StorageDoubtful,
    StorageUnavailable,
    TemporaryError,
)
from leveret.outcome import Answer, DeadLetter, PutBack, Retry
from leveret.retry import RetryPolicy, decide, describe

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
        (StorageDoubtful("gone", "why"), 3, PutBack("gone")),
        (FailedAlone("here"), 0, Retry(1, 0, "here")),
        (FailedAlone("here"), 3, Retry(4, 1, "here")),
        (
            FailedAlone("here"),
            4,
            DeadLetter("retries exhausted: here (5 attempts)", "retries_exhausted", exhausted=True),
        ),
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


class Unreadable(Exception):
    def __str__(self) -> str:
        raise TypeError("not even its text")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Unreadable(), "Unreadable: its text cannot be read: TypeError"),
        (OSError("no file \udce9"), r"OSError: no file \udce9"),
    ],
)
def test_an_error_is_described_whatever_its_text_is(error: Exception, text: str) -> None:
    assert describe(error) == text


def test_without_retries_the_first_failure_is_final() -> None:
    assert decide(TemporaryError("x"), "a", 0, RetryPolicy(most=0)) == DeadLetter(
        "retries exhausted: x", "internal", exhausted=True
    )


@pytest.mark.parametrize(("most", "attempts"), [(0, 5), (4, 5), (9, 10)])
def test_a_request_on_which_the_database_fails_is_tried_five_times_at_least(most: int, attempts: int) -> None:
    outcomes = [decide(FailedAlone("x"), "a", done, RetryPolicy(most=most)) for done in range(attempts)]
    assert [type(outcome) for outcome in outcomes] == [Retry] * (attempts - 1) + [DeadLetter]


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
