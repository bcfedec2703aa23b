"""One call of a client: the request, who waits for its reply, and the error for each way in which it can fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from leveret.errors import BY_CODE, LeveretError, NoAnswer, NotSent, Overloaded, RequestError
from leveret.wire.envelope import Reply


class ReceivedReply(msgspec.Struct, frozen=True):
    """A reply, and its bytes as they came."""

    reply: Reply
    body: bytes


class Call:
    """One request, from the first caller who waits for it to its end.

    Attributes:
        id: the request's id.
        name: version and action, for people.
        body: the encoded request.
        wants_reply: false for a request that the broker only has to accept.
        waiters: the callers who wait; without one the call is over.
        expires: when the last of them gives up, on the loop's clock.
        sent_until: the deadline that was sent with the last attempt, on the loop's clock.
        attempts: how often the request was written to a connection.
        in_doubt: an earlier attempt was lost with its connection, and may have been executed.
        accepted: the broker has confirmed an attempt and did not return it.
        trace: the headers that tell of the caller's trace; None without one.
        line: where the last attempt was written; None before, and after that connection was lost.
    """

    __slots__ = (
        "accepted",
        "attempts",
        "body",
        "expires",
        "id",
        "in_doubt",
        "line",
        "name",
        "sent_until",
        "trace",
        "waiters",
        "wants_reply",
    )

    def __init__(
        self, request_id: str, name: str, body: bytes, *, wants_reply: bool, trace: Mapping[str, str] | None = None
    ) -> None:
        self.id, self.name, self.body, self.wants_reply = request_id, name, body, wants_reply
        self.trace = trace
        self.waiters: list[Waiter] = []
        self.expires = self.sent_until = 0.0
        self.attempts = 0
        self.accepted = self.in_doubt = False
        self.line: object | None = None

    @property
    def wanted(self) -> bool:
        """Whether a caller still waits; one that was cancelled in this turn of the loop does not."""
        for waiter in self.waiters:  # noqa: SIM110 - there is nearly always one, and a generator costs as much again
            if not waiter.future.done():
                return True
        return False

    def unaccepted(self, text: str) -> LeveretError:
        """Return the error for an attempt that the broker did not take.

        It is `NotSent` only when no earlier attempt is in doubt.
        """
        if not self.in_doubt:
            return NotSent(f"{self.name} {self.id} was not sent: {text}")
        return NoAnswer(f"{self.name} {self.id} was not sent again: {text}. An earlier attempt may have been executed")

    def refused(self, queue: str, retry_after: float) -> LeveretError:
        """Return the error for an attempt that the full queue did not take; ``retry_after`` is in seconds."""
        text = f"queue {queue!r} takes no more requests at present"
        if self.in_doubt:
            return self.unaccepted(text)
        return Overloaded(
            f"{self.name} {self.id} was not accepted: {text}. Ask again in {retry_after:g} s",
            details={"retry_after": retry_after},
        )

    def refused_again(self, reply: Reply) -> LeveretError:
        """Return the error for an attempt that was not executed, while an earlier one may have been."""
        return NoAnswer(
            f"{self.name} {self.id} was refused when it was asked again, {reply.code}: {reply.error}. "
            "An earlier attempt may have been executed. Ask again with the same id"
        )

    def given_up(self, why: str, trouble: str | None) -> LeveretError:
        """Return the error for a caller who no longer waits; its text tells how far the request came.

        Args:
            why: such as ``within 10 s``.
            trouble: what is wrong with the connection, or None.
        """
        beside = f"; {trouble}" if trouble else ""
        if not self.attempts:
            return NotSent(f"{self.name} {self.id} was not sent {why}{beside}")
        known = "has accepted the request" if self.accepted else "has not confirmed the request"
        return NoAnswer(
            f"{self.name} {self.id} has no reply {why}: the broker {known}, which may still be executed{beside}. "
            "Ask again with the same id"
        )


class Waiter:
    """One caller who waits for a call.

    Attributes:
        call: what the caller waits for.
        future: done with the reply, or with the error.
        seconds: the caller's timeout.
        slot: where `Deadlines` keeps the timeout.
    """

    __slots__ = ("call", "future", "seconds", "slot")

    def __init__(self, call: Call, seconds: float, future: asyncio.Future[ReceivedReply]) -> None:
        self.call, self.seconds, self.future = call, seconds, future
        self.slot = 0


def error_of(reply: Reply) -> RequestError:
    """Return the error that stands for an error response.

    It is a plain RequestError when the response has no code, as those of the first version's workers, or a code that
    this version does not know; that code is kept in ``code``.
    """
    details = None if reply.details is UNSET else reply.details
    text = reply.error or "The response is an error without a text"
    if reply.code is UNSET:
        return RequestError(text, details=details)
    if known := BY_CODE.get(reply.code):
        return known(text, details=details)
    error = RequestError(text, details=details)
    error.code = reply.code
    return error
