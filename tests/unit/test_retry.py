from datetime import timedelta
from traceback import extract_tb
from typing import Any

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
from leveret.outcome import Answer, DeadLetter, Failure, PutBack, Retry
from leveret.retry import LONGEST_DELAY, RetryPolicy, decide, describe, failure_of

HERE = f"{__name__.replace('.', '/')}.py"
"""This file, as a place names it."""

TEMPORARY = "leveret.errors.TemporaryError"
SHORT, LONG = timedelta(seconds=1), timedelta(seconds=10)
LADDER = RetryPolicy((SHORT, LONG), 3)


def exhausted(reason: str, exception: str, attempts: str = "", reply_code: str = "retries_exhausted") -> DeadLetter:
    failure = Failure(exception)
    return DeadLetter(f"retries exhausted: {reason}{attempts}", reply_code, "retries_exhausted", failure, reason)


@pytest.mark.parametrize(
    ("error", "retries_done", "outcome"),
    [
        (TemporaryError("not now"), 0, Retry(1, SHORT, "not now")),
        (TemporaryError("not now"), 1, Retry(2, LONG, "not now")),
        (TemporaryError("not now"), 2, Retry(3, LONG, "not now")),
        (TemporaryError("not now"), 3, exhausted("not now", TEMPORARY)),
        (TemporaryError("not now"), 9, exhausted("not now", TEMPORARY)),
        (StorageBusy("locked"), 0, Retry(1, SHORT, "locked")),
        (KeyError("x"), 0, Retry(1, SHORT, "KeyError: 'x'")),
        (ValueError(), 3, exhausted("ValueError", "ValueError")),
        (MemoryError(), 0, Retry(1, SHORT, "MemoryError")),
        (ValueError("two\nlines"), 0, Retry(1, SHORT, "ValueError: two lines")),
        (StorageUnavailable("gone"), 0, PutBack("gone")),
        (StorageUnavailable("gone"), 3, PutBack("gone")),
        (StorageDoubtful("gone", "why"), 3, PutBack("gone")),
        (FailedAlone("here"), 0, Retry(1, SHORT, "here")),
        (FailedAlone("here"), 3, Retry(4, LONG, "here")),
        (FailedAlone("here"), 4, exhausted("here", "leveret.errors.FailedAlone", " (5 attempts)")),
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
    given_up = exhausted("x", TEMPORARY, reply_code="internal")
    assert decide(TemporaryError("x"), "a", 0, RetryPolicy(most=0)) == given_up


@pytest.mark.parametrize(("most", "attempts"), [(0, 5), (4, 5), (9, 10)])
def test_a_request_on_which_the_database_fails_is_tried_five_times_at_least(most: int, attempts: int) -> None:
    outcomes = [decide(FailedAlone("x"), "a", done, RetryPolicy(most=most)) for done in range(attempts)]
    assert [type(outcome) for outcome in outcomes] == [Retry] * (attempts - 1) + [DeadLetter]


class CardRefused(Exception):
    pass


class CardStolen(CardRefused):
    pass


def not_retried(reason: str, exception: str, reply_code: str = "retries_exhausted") -> DeadLetter:
    return exhausted(reason, exception, " (not retried)", reply_code)


CARDS = RetryPolicy((SHORT,), 3, no_retry_on=(CardRefused, TimeoutError, TemporaryError))


@pytest.mark.parametrize(
    ("error", "retries_done", "outcome"),
    [
        (CardStolen("no"), 0, not_retried("CardStolen: no", f"{__name__}.CardStolen", "internal")),
        (CardRefused("no"), 1, not_retried("CardRefused: no", f"{__name__}.CardRefused")),
        (TimeoutError(), 0, not_retried("TimeoutError", "TimeoutError", "internal")),
        (StorageBusy("locked"), 0, not_retried("locked", "leveret.errors.StorageBusy", "internal")),
        (ValueError("x"), 0, Retry(1, SHORT, "ValueError: x")),
        (FailedAlone("here"), 0, Retry(1, SHORT, "here")),
        (StorageUnavailable("gone"), 0, PutBack("gone")),
    ],
)
def test_an_error_that_is_not_retried_gives_the_request_up_at_once(
    error: Exception, retries_done: int, outcome: object
) -> None:
    assert decide(error, "a1", retries_done, CARDS) == outcome


def test_an_error_that_is_not_retried_leaves_a_refusal_as_it_is() -> None:
    policy = RetryPolicy(no_retry_on=(Exception,))
    assert isinstance(decide(Conflict("taken"), "a1", 0, policy), Answer)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Conflict, "Conflict is a refusal, which is answered and never retried"),
        (StorageUnavailable, "StorageUnavailable is the database's, and no policy judges it"),
        (FailedAlone, "FailedAlone is the database's, and no policy judges it"),
        ("ValueError", "'ValueError' is not the class of an error"),
        (int, "<class 'int'> is not the class of an error"),
    ],
)
def test_an_error_that_no_policy_judges_cannot_be_named_in_one(kind: Any, text: str) -> None:
    with pytest.raises(ValueError, match=f"^no_retry_on: {text}$"):
        RetryPolicy(no_retry_on=(TimeoutError, kind))


@pytest.mark.parametrize(("most", "seconds"), [(0, 0), (1, 1), (2, 11), (4, 31)])
def test_a_request_waits_as_long_as_all_its_retries_together(most: int, seconds: int) -> None:
    assert RetryPolicy((SHORT, LONG), most).longest == timedelta(seconds=seconds)


@pytest.mark.parametrize("most", [10**8, 10**30])
def test_retries_that_take_longer_than_a_timedelta_holds_take_as_long_as_it_holds(most: int) -> None:
    """The number comes from the program, so it is not counted up to."""
    assert RetryPolicy((LONGEST_DELAY,), most).longest == timedelta.max


@pytest.mark.parametrize(
    ("delays", "most"),
    [
        ((timedelta(days=50),), 3),
        ((), 3),
        ((timedelta(0),), 3),
        ((timedelta(seconds=-1),), 3),
        ((timedelta(seconds=1),), -1),
        ((timedelta(microseconds=500),), 3),
        ((SHORT, timedelta(milliseconds=300.4)), 3),
    ],
)
def test_a_policy_that_cannot_work_is_refused(delays: tuple[timedelta, ...], most: int) -> None:
    with pytest.raises(ValueError, match=r"Retr"):
        RetryPolicy(delays, most)


def test_each_code_stands_for_one_error() -> None:
    assert BY_CODE["conflict"] is Conflict
    kinds = [kind for kind in RequestError.__subclasses__() if kind.__module__ == RequestError.__module__]
    assert sorted(kind.code for kind in kinds) == sorted(BY_CODE)


def failing(error: Exception) -> Exception:
    """Raise an error in this module, below a call of Python's own, and return it."""

    def fail(_: object) -> int:
        raise error

    with pytest.raises(type(error)) as caught:
        sorted([1], key=fail)
    return caught.value


def line_of(error: BaseException) -> int:
    return extract_tb(error.__traceback__)[-1].lineno or 0


def test_a_failure_names_the_class_of_the_error_and_the_applications_line() -> None:
    error = failing(KeyError("x"))
    assert failure_of(error, __name__) == Failure("KeyError", f"{HERE}:{line_of(error)}")


def test_an_error_that_another_one_was_made_of_is_placed_where_that_one_was_raised() -> None:
    """The database's errors become ours in the framework, where nothing of the application is among the calls."""
    made = TemporaryError("busy")
    made.__cause__ = failing(KeyError("x"))
    assert failure_of(made, __name__).place == f"{HERE}:{line_of(made.__cause__)}"


def test_without_a_call_of_the_application_there_is_no_place() -> None:
    assert failure_of(failing(KeyError("x")), "shop.actions") == Failure("KeyError")
    assert failure_of(KeyError("x"), __name__) == Failure("KeyError")


def test_errors_that_are_each_others_cause_come_to_an_end() -> None:
    one, other = KeyError("x"), KeyError("y")
    one.__cause__, other.__cause__ = other, one
    assert failure_of(one, __name__) == Failure("KeyError")


@pytest.mark.parametrize(
    ("name", "path", "place"),
    [
        ("shop.sell", "/home/somebody/shop/src/shop/sell.py", "shop/sell.py:1"),
        ("shop.sell.now", "/srv/shop/sell/now.py", "shop/sell/now.py:1"),
        ("shop", "/home/somebody/shop/__init__.py", "shop/__init__.py:1"),
        ("shop", "/home/somebody/shop.py", "shop.py:1"),
        ("__main__", "/home/somebody/programs/shop.py", "shop.py:1"),
        ("shop", "<string>", "<string>:1"),
    ],
)
def test_a_place_names_no_folder_of_the_machine(name: str, path: str, place: str) -> None:
    with pytest.raises(KeyError) as caught:
        exec(compile("raise KeyError('x')", path, "exec"), {"__name__": name})
    assert failure_of(caught.value, name).place == place
