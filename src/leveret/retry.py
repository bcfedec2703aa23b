"""When to try again: the policy, and the one function that decides what a failure leads to."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from msgspec import Struct

from leveret.errors import FailedAlone, Internal, RequestError, RetriesExhausted, StorageUnavailable, TemporaryError
from leveret.outcome import RETRIES_EXHAUSTED, Answer, DeadLetter, Outcome, PutBack, Retry
from leveret.wire.codec import refusal
from leveret.wire.masking import shown

ATTEMPTS_ALONE: Final = 5
"""Attempts that a request has at least on which the database failed as in an outage, while it answered others."""


class RetryPolicy(Struct, frozen=True):
    """How often a request is tried again, and after which pauses.

    Attributes:
        delays: the ladder: pause before retry 1, 2, ...; the last one holds for all further retries.
        most: retries after the first attempt; 0 for none.
    """

    delays: tuple[timedelta, ...] = (timedelta(seconds=5),)
    most: int = 3

    def __post_init__(self) -> None:
        if not self.delays or min(self.delays) <= timedelta(0):
            raise ValueError(f"Retry delays must be positive and at least one, got {self.delays}")
        if self.most < 0:
            raise ValueError(f"Retries must be 0 or more, got {self.most}")


def decide(error: BaseException, request_id: str, retries_done: int, policy: RetryPolicy) -> Outcome:
    """Say what a failed attempt leads to.

    A refusal is answered and never retried. A database that does not answer is nobody's fault: the request goes back,
    uncounted. Everything else may pass: it is retried until the policy's limit and then becomes a dead letter. An
    exception that nobody foresaw counts as one that may pass, because giving it up early loses an effect while trying
    it again costs a few seconds. A request on which alone the database failed as it does in an outage has some attempts
    whatever the policy, since a coincidence looks like that too.

    Args:
        error: what the attempt raised.
        request_id: for the error response.
        retries_done: retries that lie behind this attempt; 0 at the first one.
        policy: the limits.
    """
    if isinstance(error, RequestError):
        return Answer(refusal(request_id, error), error.code)
    if isinstance(error, StorageUnavailable):
        return PutBack(describe(error))
    alone = isinstance(error, FailedAlone)
    most = max(policy.most, ATTEMPTS_ALONE - 1) if alone else policy.most
    if retries_done < most:
        return Retry(retries_done + 1, min(retries_done, len(policy.delays) - 1), describe(error))
    code = RetriesExhausted.code if most else Internal.code
    attempts = f" ({retries_done + 1} attempts)" if alone else ""
    return DeadLetter(RETRIES_EXHAUSTED + describe(error) + attempts, code, exhausted=True)


LONGEST_DESCRIPTION: Final = 1000
"""Characters; an error's text may repeat what a caller sent."""


def describe(error: BaseException) -> str:
    """Put an error into one line, without tokens: its text for our own kinds, with its type for all others.

    What it returns can be written as UTF-8, whatever the error's text holds; never raises.
    """
    try:
        told = str(error).encode(errors="backslashreplace").decode()
    except Exception as unreadable:  # a request that fails with it must not end more than itself
        told = f"its text cannot be read: {type(unreadable).__name__}"
    text = shown(" ".join(told.split()), LONGEST_DESCRIPTION)
    if isinstance(error, TemporaryError | StorageUnavailable | RequestError):
        return text or type(error).__name__
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
