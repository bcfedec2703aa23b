"""What becomes of a delivery: a decision as a value, which the worker carries out.

Outcome
├── Answer       send the response, then ack
├── Retry        publish a fresh message to a retry queue, then ack
├── DeadLetter   publish a letter (and an error response if the caller waits), then ack
└── PutBack      return it to the queue; the request is not at fault, so no attempt is counted
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from msgspec import Struct

from leveret.errors import Internal

RETRIES_EXHAUSTED: Final = "retries exhausted: "
"""The beginning of a dead letter's reason, and of the caller's error text, when every attempt has failed."""

WORKERS_DIED: Final = "workers died while they ran this request"
"""The end of a dead letter's reason, after the number of workers, when workers died on the request."""

WORKERS_DIED_READING: Final = "workers died while they read this message"
"""The same when workers died on the message, before they knew what it asks for."""


class Answer(Struct, frozen=True):
    """Send ``body`` to the caller.

    Attributes:
        body: the encoded reply.
        code: the error's code, or None for a success.
        replayed: whether the response is a stored one.
    """

    body: bytes
    code: str | None = None
    replayed: bool = False


class Retry(Struct, frozen=True):
    """Try again later.

    Attributes:
        number: which retry this is, counted from 1.
        delay: the pause before it; the topology has a retry queue for each.
        reason: why the attempt failed.
    """

    number: int
    delay: timedelta
    reason: str


class Failure(Struct, frozen=True):
    """What is known about the error because of which a request is given up.

    Attributes:
        exception: the qualified name of its class, such as ``sqlalchemy.exc.NoResultFound``.
        place: the application's file and line where it was raised, such as ``guestbook/actions.py:42``; None if the
            application is not in its traceback. The path begins with the package, so it shows no folder of the
            machine.
    """

    exception: str
    place: str | None = None


class DeadLetter(Struct, frozen=True):
    """Give the request up and keep it as a dead letter.

    Attributes:
        reason: why, for people, as the letter holds it.
        reply_code: code of the error response to a caller who waits; None if no error response may be sent.
        code: why, for programs, as the letter holds it. With ``retries_exhausted`` the caller is told that every
            attempt has failed.
        failure: what is known about the error, if an error is the reason.
        attempt: why the last attempt failed; None if no attempt failed just now.
    """

    reason: str
    reply_code: str | None = None
    code: str = Internal.code
    failure: Failure | None = None
    attempt: str | None = None


class PutBack(Struct, frozen=True):
    """Return the delivery to its queue; ``reason`` is for the log."""

    reason: str


Outcome = Answer | Retry | DeadLetter | PutBack
"""What becomes of a delivery."""
