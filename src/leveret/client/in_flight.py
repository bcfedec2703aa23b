"""The calls that a client has in flight, and who waits for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import msgspec

from leveret.client.call import Call, ReceivedReply, Waiter
from leveret.client.deadlines import Deadlines
from leveret.errors import (
    DeadlineExceeded,
    IdReused,
    LeveretError,
    NoAnswer,
    Overloaded,
    RateLimited,
    Unauthenticated,
)
from leveret.process.clock import Clock, loop_clock
from leveret.wire.codec import check_id, decode_reply
from leveret.wire.envelope import Reply

LONGEST_TIMEOUT: Final = 7 * 24 * 3600.0
"""The longest timeout of a call, in seconds. Responses are kept for seven days by default; none comes after that."""

_OF_ONE_ATTEMPT: Final = frozenset({DeadlineExceeded.code, RateLimited.code, Overloaded.code, Unauthenticated.code})
"""Codes of replies which mean that this attempt was not executed, and which tell nothing of an earlier attempt."""


class CallsInFlight:
    """The table of calls in flight, by the id of the request.

    Args:
        trouble: returns what is wrong with the connection, for the text of a timeout; None when nothing is.
        clock: tells the time; the machine's by default.
    """

    def __init__(self, trouble: Callable[[], str | None], clock: Clock | None = None) -> None:
        self._trouble = trouble
        self._loop = asyncio.get_running_loop()
        self._clock = clock or loop_clock()
        self._deadlines: Deadlines[Waiter] = Deadlines(self._due, self._clock)
        self._calls: dict[str, Call] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls.values()))

    def find(self, request_id: str | None) -> Call | None:
        """Return the call in flight with that id, or None."""
        return self._calls.get(request_id) if request_id is not None else None

    def join(self, wanted: Call, timeout: float) -> Waiter:
        """Add a caller to a new call, or to the equal call with the same id that is in flight already.

        Args:
            wanted: a call without waiters.
            timeout: seconds.

        Raises:
            ValueError: the timeout is not a positive number of seconds, seven days at most.
            InvalidRequest: the id is not valid.
            IdReused: another request with this id is in flight.
        """
        if not 0 < timeout <= LONGEST_TIMEOUT:
            raise ValueError(f"The timeout is {timeout!r}: expected seconds, above 0 and at most {LONGEST_TIMEOUT:g}")
        call = self._calls.get(wanted.id)
        if call is None:
            check_id(wanted.id)
            call = self._calls[wanted.id] = wanted
        else:
            _check_same(call, wanted)
        moment = self._clock.steady() + timeout
        call.expires = max(call.expires, moment)
        waiter = Waiter(call, timeout, self._loop.create_future())
        waiter.slot = self._deadlines.add(waiter, moment)
        call.waiters.append(waiter)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Remove a caller, whether it has its reply or not. When the last one leaves, the call is removed too."""
        self._deadlines.discard(waiter, waiter.slot)
        call = waiter.call
        if waiter in call.waiters:  # otherwise the call has ended, and was removed then
            call.waiters.remove(waiter)
            if not call.waiters:
                self._forget(call)

    def accept(self, call: Call) -> None:
        """Note that the broker has the request. That ends a call which does not want a reply."""
        call.accepted = True
        if not call.wants_reply:
            self._end(call, lambda: ReceivedReply(Reply(call.id, "ok"), b""))

    def answer(self, call: Call, body: bytes) -> bool:
        """Give each caller the reply as an object of its own, or an error when the reply cannot be read.

        Returns:
            False when the worker was too late for the deadline that was sent to it, but a caller who came later waits
            longer. The request was not executed and is to be sent again.
        """
        reply: Reply | None
        try:
            reply = _read(call, body)
        except ValueError as error:
            text = f"The reply to {call.name} {call.id} {error}"
            self.fail(call, lambda: NoAnswer(text))
            return True
        if reply.code == DeadlineExceeded.code and call.expires > call.sent_until:
            return False
        if call.in_doubt and reply.code in _OF_ONE_ATTEMPT:
            refused = reply
            self.fail(call, lambda: call.refused_again(refused))
            return True
        self._forget(call)
        waiters, call.waiters = call.waiters, []
        for waiter in waiters:
            if not waiter.future.done():  # otherwise it was cancelled in this turn of the loop
                waiter.future.set_result(ReceivedReply(decode_reply(body) if reply is None else reply, body))
                reply = None
        return True

    def fail(self, call: Call, error: Callable[[], LeveretError]) -> None:
        """End a call with an error; ``error`` makes a new one for each caller."""
        self._end(call, error)

    def close(self) -> None:
        """End all calls because the client is closed."""
        for call in self:
            self._end(call, partial(call.given_up, "before the client was closed", None))
        self._deadlines.close()

    def _end(self, call: Call, outcome: Callable[[], ReceivedReply | LeveretError]) -> None:
        self._forget(call)
        waiters, call.waiters = call.waiters, []
        for waiter in waiters:
            _tell(waiter, outcome())

    def _forget(self, call: Call) -> None:
        if self._calls.get(call.id) is call:
            del self._calls[call.id]

    def _due(self, waiter: Waiter) -> None:
        _tell(waiter, waiter.call.given_up(f"within {waiter.seconds:g} s", self._trouble()))
        self.leave(waiter)


def _read(call: Call, body: bytes) -> Reply:
    """Return the reply; the text of a ValueError says what is wrong with it."""
    try:
        reply = decode_reply(body)
    except ValueError as error:
        raise ValueError(f"is not a response: {error}") from error
    if reply.correlation_id != call.id:
        raise ValueError(f"answers another request, {reply.correlation_id[:128]!r}")
    return reply


def _tell(waiter: Waiter, outcome: ReceivedReply | LeveretError) -> None:
    if waiter.future.done():  # cancelled in this turn of the loop
        return
    if isinstance(outcome, LeveretError):
        waiter.future.set_exception(outcome)
        waiter.future.exception()  # asyncio would report an error that a caller cancelled in this turn does not fetch
    else:
        waiter.future.set_result(outcome)


def _check_same(call: Call, wanted: Call) -> None:
    if call.wants_reply != wanted.wants_reply:
        raise IdReused(f"Request id {call.id!r} is in flight already, once with a reply and once without")
    if call.body != wanted.body and msgspec.json.decode(call.body) != msgspec.json.decode(wanted.body):
        raise IdReused(f"Request id {call.id!r} is in flight already with another action, data or token")
