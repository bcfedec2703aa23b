"""When a request is tried again: the policy, and the function that decides what follows from a failure."""

from __future__ import annotations

import traceback
from datetime import timedelta
from pathlib import PurePath
from typing import Final

from msgspec import Struct

from leveret.errors import FailedAlone, Internal, RequestError, RetriesExhausted, StorageUnavailable, TemporaryError
from leveret.outcome import RETRIES_EXHAUSTED, Answer, DeadLetter, Failure, Outcome, PutBack, Retry
from leveret.process.durations import is_whole
from leveret.wire.codec import refusal
from leveret.wire.masking import shown

LONGEST_DELAY: Final = timedelta(milliseconds=2**32 - 1)
"""The longest time that the broker lets a message wait."""

ATTEMPTS_ALONE: Final = 5
"""Attempts, at the least, of a request on which the database failed as in an outage while it answered others."""


_LONGEST_NAME: Final = 200
"""Characters of the name of an exception's class, and of a place."""


class RetryPolicy(Struct, frozen=True):
    """How often a request is tried again, and after which pauses.

    Attributes:
        delays: the pause before retry 1, 2, ...; the last one holds for all further retries.
        most: how many retries may follow the first attempt; 0 for none.
        no_retry_on: errors after which a request is given up at once.

    Raises:
        ValueError: there is no delay, one is not positive, above ``LONGEST_DELAY`` or not a whole number of
            milliseconds, or ``most`` is negative; or an entry of ``no_retry_on`` is not an error, or one that no policy
            judges.
    """

    delays: tuple[timedelta, ...] = (timedelta(seconds=5),)
    most: int = 3
    no_retry_on: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        if not self.delays or min(self.delays) <= timedelta(0):
            raise ValueError(f"Retry delays must be positive and at least one, got {self.delays}")
        if max(self.delays) > LONGEST_DELAY:
            raise ValueError(f"Retry delays must be {LONGEST_DELAY.days} days at most, got {self.delays}")
        if not all(map(is_whole, self.delays)):
            raise ValueError(f"Retry delays must be whole milliseconds, got {self.delays}")
        if self.most < 0:
            raise ValueError(f"Retries must be 0 or more, got {self.most}")
        for problem in filter(None, map(_why_not_named, self.no_retry_on)):
            raise ValueError(f"no_retry_on: {problem}")

    @property
    def longest(self) -> timedelta:
        """How long a request waits in all its retries together; ``timedelta.max`` for all that is longer."""
        others = max(self.most - len(self.delays), 0)
        try:
            return sum(self.delays[: self.most], timedelta()) + others * self.delays[-1]
        except OverflowError:
            return timedelta.max


def _why_not_named(kind: object) -> str:
    """Return why an error cannot be named as one after which a request is given up; an empty text if it can."""
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        return f"{kind!r} is not the class of an error"
    if issubclass(kind, RequestError):
        return f"{kind.__name__} is a refusal, which is answered and never retried"
    if issubclass(kind, StorageUnavailable | FailedAlone):
        return f"{kind.__name__} is the database's, and no policy judges it"
    return ""


def decide(
    error: BaseException, request_id: str, retries_done: int, policy: RetryPolicy, *, module: str = ""
) -> Outcome:
    """Return what follows from a failed attempt.

    A refusal is answered and never retried. When the database does not answer, the request goes back to its queue and
    no attempt is counted. Everything else may pass: the request is retried until the policy's limit, and then becomes a
    dead letter. An unforeseen exception counts as one that may pass, because giving up too early loses an effect, while
    a retry costs a few seconds; the policy names the errors after which a request is given up at once. A request on
    which alone the database failed as in an outage has ``ATTEMPTS_ALONE`` attempts whatever the policy says, because a
    coincidence looks the same.

    Args:
        error: what the attempt raised.
        request_id: for the error response.
        retries_done: how many retries came before this attempt; 0 at the first attempt.
        policy: the limits.
        module: name of the module with the action's function, which tells what belongs to the application.
    """
    if isinstance(error, RequestError):
        return Answer(refusal(request_id, error), error.code)
    if isinstance(error, StorageUnavailable):
        return PutBack(describe(error))
    most, remark = policy.most, ""
    if isinstance(error, FailedAlone):
        most, remark = max(most, ATTEMPTS_ALONE - 1), f" ({retries_done + 1} attempts)"
    elif isinstance(error, tuple(policy.no_retry_on)):
        most, remark = retries_done, " (not retried)"
    reason = describe(error)
    if retries_done < most:
        return Retry(retries_done + 1, policy.delays[min(retries_done, len(policy.delays) - 1)], reason)
    return DeadLetter(
        f"{RETRIES_EXHAUSTED}{reason}{remark}",
        RetriesExhausted.code if most else Internal.code,
        RetriesExhausted.code,
        failure_of(error, module),
        reason,
    )


LONGEST_DESCRIPTION: Final = 1000
"""Characters; an error's text may repeat what a caller sent."""


def describe(error: BaseException) -> str:
    """Write an error as one line without tokens: the text of our own errors, type and text of all others.

    The line can be encoded as UTF-8, whatever the error's text holds; nothing is raised.
    """
    try:
        told = str(error).encode(errors="backslashreplace").decode()
    except Exception as unreadable:  # a request that fails with it must not end more than itself
        told = f"its text cannot be read: {type(unreadable).__name__}"
    text = shown(" ".join(told.split()), LONGEST_DESCRIPTION)
    if isinstance(error, TemporaryError | StorageUnavailable | RequestError):
        return text or type(error).__name__
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def failure_of(error: BaseException, module: str = "") -> Failure:
    """Return what a letter tells of an error beside its text: its class, and where in the application it was raised.

    Args:
        error: what was raised.
        module: name of a module of the application; its package is the application's. Empty where none is known.
    """
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    place = _place(error, module.partition(".")[0]) if module else None
    return Failure(shown(name, _LONGEST_NAME), shown(place, _LONGEST_NAME) if place else None)


def _place(error: BaseException, package: str) -> str | None:
    """Find the application's last call before an error, or before the one that it was made of."""
    seen: set[int] = set()
    source: BaseException | None = error
    while source is not None and id(source) not in seen:
        seen.add(id(source))
        found = None
        for frame, line in traceback.walk_tb(source.__traceback__):
            name = frame.f_globals.get("__name__")
            if isinstance(name, str) and name.partition(".")[0] == package:
                found = f"{_file(name, frame.f_code.co_filename)}:{line}"
        if found is not None:
            return found
        source = source.__cause__ or source.__context__
    return None


def _file(module: str, path: str) -> str:
    """Return the end of a path that belongs to the module: from its package on, without the machine's folders."""
    parts = PurePath(path).parts
    depth = 1 if module == "__main__" else module.count(".") + 1
    return "/".join(parts[-depth - (PurePath(path).stem == "__init__") :])
