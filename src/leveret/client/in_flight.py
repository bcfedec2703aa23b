"""The requests that a client has in flight, and who waits for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import msgspec

from leveret.client.deadlines import Deadlines
from leveret.errors import (
    DeadlineExceeded,
    IdReused,
    LeveretError,
    NoAnswer,
    NotSent,
    Overloaded,
    RateLimited,
    Unauthenticated,
)
from leveret.wire.codec import check_id, decode_reply
from leveret.wire.envelope import Reply

LONGEST_TIMEOUT: Final = 7 * 24 * 3600.0
"""Seconds; a response is kept for seven days by default, so nobody can get it by waiting longer."""


_OF_ONE_ATTEMPT: Final = frozenset({DeadlineExceeded.code, RateLimited.code, Overloaded.code, Unauthenticated.code})
"""Codes that say of one attempt that it was not executed, and nothing of an earlier one of the same id."""


class Received(msgspec.Struct, frozen=True):
    """A response: what it says, and the very bytes that came."""

    reply: Reply
    body: bytes


class Asked:
    """One request, from the first caller who waits for it to its end.

    Attributes:
        id: the request's id.
        name: version and action, for people.
        body: the encoded request.
        wants_reply: false for a request that is only to be accepted.
        waiters: who waits; nobody left means that it is over.
        expires: on the loop's clock, when the last of them gives up.
        sent_until: on the loop's clock, the deadline that was sent with the last attempt.
        attempts: how often it was written to a connection.
        in_doubt: an earlier attempt was lost with its connection and may have been executed.
        accepted: the broker has confirmed an attempt and did not return it.
        line: where the last attempt was written, None before and once that connection is lost.
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
        "waiters",
        "wants_reply",
    )

    def __init__(self, request_id: str, name: str, body: bytes, *, wants_reply: bool) -> None:
        self.id, self.name, self.body, self.wants_reply = request_id, name, body, wants_reply
        self.waiters: list[Waiter] = []
        self.expires = self.sent_until = 0.0
        self.attempts = 0
        self.accepted = self.in_doubt = False
        self.line: object | None = None

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits; a caller that was cancelled in this turn of the loop does not."""
        for waiter in self.waiters:  # noqa: SIM110 - nearly always there is one, and a generator costs as much again
            if not waiter.future.done():
                return True
        return False

    def unaccepted(self, text: str) -> LeveretError:
        """The error for an attempt that the broker did not take: certain only when no earlier one is in doubt."""
        if not self.in_doubt:
            return NotSent(f"{self.name} {self.id} was not sent: {text}")
        return NoAnswer(f"{self.name} {self.id} was not sent again: {text}. An earlier attempt may have been executed")

    def refused(self, queue: str, retry_after: float) -> LeveretError:
        """The error for an attempt that found no room in the queue; ``retry_after`` is in seconds."""
        text = f"queue {queue!r} takes no more requests at present"
        if self.in_doubt:
            return self.unaccepted(text)
        return Overloaded(
            f"{self.name} {self.id} was not accepted: {text}. Ask again in {retry_after:g} s",
            details={"retry_after": retry_after},
        )

    def refused_again(self, reply: Reply) -> LeveretError:
        """The error for an attempt that was not executed while an earlier one may have been."""
        return NoAnswer(
            f"{self.name} {self.id} was refused when it was asked again, {reply.code}: {reply.error}. "
            "An earlier attempt may have been executed. Ask again with the same id"
        )

    def given_up(self, why: str, trouble: str | None) -> LeveretError:
        """The error for a caller who waits no longer; it says how far the request came.

        Args:
            why: such as ``within 10 s``.
            trouble: what is wrong with the connection, if something is.
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
    """One caller of a request; ``seconds`` is its timeout."""

    __slots__ = ("asked", "future", "seconds", "slot")

    def __init__(self, asked: Asked, seconds: float, future: asyncio.Future[Received]) -> None:
        self.asked, self.seconds, self.future = asked, seconds, future
        self.slot = 0


class InFlight:
    """The table of requests in flight, by id.

    Args:
        trouble: says what is wrong with the connection, for the text of a timeout; None when nothing is.
    """

    def __init__(self, trouble: Callable[[], str | None]) -> None:
        self._trouble = trouble
        self._loop = asyncio.get_running_loop()
        self._deadlines: Deadlines[Waiter] = Deadlines(self._due)
        self._asked: dict[str, Asked] = {}

    def __len__(self) -> int:
        return len(self._asked)

    def __iter__(self) -> Iterator[Asked]:
        return iter(list(self._asked.values()))

    def find(self, request_id: str | None) -> Asked | None:
        """The request in flight of that id."""
        return self._asked.get(request_id) if request_id is not None else None

    def join(self, wanted: Asked, timeout: float) -> Waiter:
        """Wait for a request, or for the equal one of the same id that is in flight already.

        Args:
            wanted: a request that nobody waits for yet.
            timeout: seconds.

        Raises:
            ValueError: the timeout is not a positive number of seconds, seven days at most.
            InvalidRequest: the id is not one.
            IdReused: another request of this id is in flight.
        """
        if not 0 < timeout <= LONGEST_TIMEOUT:
            raise ValueError(f"The timeout is {timeout!r}: expected seconds, above 0 and at most {LONGEST_TIMEOUT:g}")
        asked = self._asked.get(wanted.id)
        if asked is None:
            check_id(wanted.id)
            asked = self._asked[wanted.id] = wanted
        else:
            _check_same(asked, wanted)
        moment = self._loop.time() + timeout
        asked.expires = max(asked.expires, moment)
        waiter = Waiter(asked, timeout, self._loop.create_future())
        waiter.slot = self._deadlines.add(waiter, moment)
        asked.waiters.append(waiter)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Take a caller out, whether it got what it waited for or not; the last one takes the request with it."""
        self._deadlines.discard(waiter, waiter.slot)
        asked = waiter.asked
        if waiter in asked.waiters:  # otherwise the request has ended, and was taken out then
            asked.waiters.remove(waiter)
            if not asked.waiters:
                self._forget(asked)

    def accept(self, asked: Asked) -> None:
        """Note that the broker has the request; without a reply to wait for, that is its end."""
        asked.accepted = True
        if not asked.wants_reply:
            self._end(asked, lambda: Received(Reply(asked.id, "ok"), b""))

    def answer(self, asked: Asked, body: bytes) -> bool:
        """Give each caller the response as an object of its own, or the error that it cannot be read.

        Returns:
            False when the worker was too late for the deadline that it was told, and a caller who came later waits
            longer: the request was not executed and is to be asked again.
        """
        reply: Reply | None
        try:
            reply = _read(asked, body)
        except ValueError as error:
            text = f"The reply to {asked.name} {asked.id} {error}"
            self.fail(asked, lambda: NoAnswer(text))
            return True
        if reply.code == DeadlineExceeded.code and asked.expires > asked.sent_until:
            return False
        if asked.in_doubt and reply.code in _OF_ONE_ATTEMPT:
            refused = reply
            self.fail(asked, lambda: asked.refused_again(refused))
            return True
        self._forget(asked)
        waiters, asked.waiters = asked.waiters, []
        for waiter in waiters:
            if not waiter.future.done():  # otherwise it was cancelled in this very turn of the loop
                waiter.future.set_result(Received(decode_reply(body) if reply is None else reply, body))
                reply = None
        return True

    def fail(self, asked: Asked, error: Callable[[], LeveretError]) -> None:
        """End a request with an error, a fresh one for each caller."""
        self._end(asked, error)

    def close(self) -> None:
        """End everything because the client is closed."""
        for asked in self:
            self._end(asked, partial(asked.given_up, "before the client was closed", None))
        self._deadlines.close()

    def _end(self, asked: Asked, outcome: Callable[[], Received | LeveretError]) -> None:
        self._forget(asked)
        waiters, asked.waiters = asked.waiters, []
        for waiter in waiters:
            _tell(waiter, outcome())

    def _forget(self, asked: Asked) -> None:
        if self._asked.get(asked.id) is asked:
            del self._asked[asked.id]

    def _due(self, waiter: Waiter) -> None:
        _tell(waiter, waiter.asked.given_up(f"within {waiter.seconds:g} s", self._trouble()))
        self.leave(waiter)


def _read(asked: Asked, body: bytes) -> Reply:
    """The reply; a ValueError says what is wrong with it."""
    try:
        reply = decode_reply(body)
    except ValueError as error:
        raise ValueError(f"is not a response: {error}") from error
    if reply.correlation_id != asked.id:
        raise ValueError(f"answers another request, {reply.correlation_id[:128]!r}")
    return reply


def _tell(waiter: Waiter, outcome: Received | LeveretError) -> None:
    if waiter.future.done():  # cancelled in this very turn of the loop
        return
    if isinstance(outcome, LeveretError):
        waiter.future.set_exception(outcome)
        waiter.future.exception()  # a caller that is cancelled in this turn will not look at it, and that is no mistake
    else:
        waiter.future.set_result(outcome)


def _check_same(asked: Asked, wanted: Asked) -> None:
    if asked.wants_reply != wanted.wants_reply:
        raise IdReused(f"Request id {asked.id!r} is in flight already, once with a reply and once without")
    if asked.body != wanted.body and msgspec.json.decode(asked.body) != msgspec.json.decode(wanted.body):
        raise IdReused(f"Request id {asked.id!r} is in flight already with another action, data or token")
