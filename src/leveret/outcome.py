"""What becomes of a delivery: a decision, as a value, that the worker carries out.

Outcome
├── Answer       send the response, then ack
├── Retry        publish a fresh message to a retry queue, then ack
├── DeadLetter   publish a letter (and an error response where somebody waits), then ack
└── PutBack      return it to the queue; that is not the request's fault, so no attempt is counted
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from leveret.errors import Internal

RETRIES_EXHAUSTED: Final = "retries exhausted: "
"""The beginning of a dead letter's reason, and of the caller's error text, when every attempt has failed."""

WORKERS_DIED: Final = "workers died while they ran this request"
"""The end of the reason with which a request is given up that workers died on; their number stands before it."""

WORKERS_DIED_READING: Final = "workers died while they read this message"
"""The same for a message that workers died on before they knew what it asks for."""


class Answer(Struct, frozen=True):
    """Send ``body`` to the caller.

    Attributes:
        body: the encoded reply.
        code: the error's code, or None for a success.
        replayed: the response is a stored one.
    """

    body: bytes
    code: str | None = None
    replayed: bool = False


class Retry(Struct, frozen=True):
    """Try again later.

    Attributes:
        number: which retry this is, counted from 1.
        delay: index in the policy's ``delays``.
        reason: why.
    """

    number: int
    delay: int
    reason: str


class Failure(Struct, frozen=True):
    """What is known of the error for which a request is given up.

    Attributes:
        exception: the qualified name of its class, such as ``sqlalchemy.exc.NoResultFound``.
        place: file of the application and line where it was raised, such as ``guestbook/actions.py:42``; None where
            nothing of the application is among its calls. The path begins with the package: it names no folder of the
            machine.
    """

    exception: str
    place: str | None = None


class DeadLetter(Struct, frozen=True):
    """Give the request up and keep it as a dead letter.

    Attributes:
        reason: why, for a person, as it stands in the letter.
        reply_code: code of the error response to a caller who waits, or None where none may be sent.
        code: why, for programs, as it stands in the letter. With ``retries_exhausted`` the caller is told that every
            attempt has failed.
        failure: what is known of the error, where one is the reason.
        attempt: what the last attempt failed with; None where no attempt failed just now.
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
