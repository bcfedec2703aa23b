"""How a client's requests travel: sent in batches, sent again on a new connection, matched with their replies."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal

from leveret.amqp import (
    AmqpError,
    AmqpTimeout,
    ChannelClosed,
    Delivery,
    InvalidArgument,
    Message,
    Refused,
    Unroutable,
)
from leveret.client.call import Call, Waiter
from leveret.client.full_queue import FullQueue
from leveret.client.in_flight import CallsInFlight
from leveret.client.line import Line
from leveret.errors import LeveretError, NotSent
from leveret.process.clock import Clock, loop_clock
from leveret.topology import Topology
from leveret.wire.messages import request_message

OnLost = Literal["reask", "fail"]
"""What happens to calls in flight whose connection is lost: they are sent again, or they fail."""

ENOUGH: Final = 128 * 1024
"""Bytes of requests in one batch; after each batch the transport waits until the connection takes more."""

MOST_FORGOTTEN: Final = 1000
"""How many unsent requests may be kept although nobody waits for them any more, as during a long outage."""

_HINT: Final = "has a worker for these queues ever run at this broker, or is a worker's topology applied?"


class Transport:
    """Sends requests to the broker and hands replies to the callers, over one line at a time.

    Args:
        topology: where requests go.
        on_lost: what happens to requests whose connection is lost: ``reask`` sends them again with the same id,
            ``fail`` fails them at once.
        clock: tells the time; the machine's by default.

    Attributes:
        in_flight: the calls that somebody waits for.
        unknown_replies: how many replies came for which nobody waits: late, sent twice, or not for this client.
    """

    def __init__(self, topology: Topology, on_lost: OnLost, clock: Clock | None = None) -> None:
        self._exchange, self._queue = topology.exchange, topology.requests
        self._on_lost = on_lost
        self._clock = clock or loop_clock()
        self._line: Line | BaseException = NotSent("the client has not connected yet")  # or why there is none
        self._unsent: deque[Call] = deque()
        self._full_queue = FullQueue()
        self._wake = asyncio.Event()
        self._ended: BaseException | None = None
        self.in_flight = CallsInFlight(lambda: self.trouble, self._clock)
        self.unknown_replies = 0

    @property
    def trouble(self) -> str | None:
        """Why requests are held back at the moment, or None."""
        if isinstance(self._line, BaseException):
            return f"there is no connection to the broker: {self._line}"
        if self._line.blocked is not None:
            reason = self._line.blocked or "it gives no reason"
            return f"the broker blocks publishers until its alarm is over: {reason}"
        return None

    def ask(self, wanted: Call, timeout: float) -> Waiter:
        """Start a call, or join an equal one. The caller awaits the waiter's future and then leaves ``in_flight``.

        Raises:
            NotSent: the transport has ended.
            ValueError, InvalidRequest, IdReused: as `CallsInFlight.join`.
        """
        if self._ended is not None:
            raise NotSent(f"{wanted.name} {wanted.id} was not sent: {self._ended}") from self._ended
        waiter = self.in_flight.join(wanted, timeout)
        if waiter.call is wanted:
            self._enqueue(wanted)
        return waiter

    async def run(self) -> None:
        """Send waiting requests whenever there is a line that takes them, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            line = self._line
            if isinstance(line, BaseException) or not self._unsent:
                continue  # a new line or the next request wakes us
            try:
                await line.connection.writable()
                if line.blocked is None:  # otherwise the end of the block wakes us
                    self._write(line)
            except AmqpTimeout:
                self._wake.set()
            except AmqpError as error:
                self._drop(line, error)

    def on_line(self, news: Line | AmqpError) -> None:
        """Take a new line, which is used until it closes, or the reason why there is none."""
        self._line = news
        if isinstance(news, AmqpError):
            return
        news.closed.add_done_callback(partial(self._on_closed, news))
        self._wake.set()

    def on_blocked(self, reason: str | None) -> None:
        """Note that the broker blocks publishers, or with None that it has stopped doing so."""
        if reason is None:
            self._wake.set()

    def on_replies(self, deliveries: list[Delivery]) -> None:
        """Hand replies to the callers who wait for them."""
        for delivery in deliveries:
            call = self.in_flight.find(delivery.properties.correlation_id)
            if call is None or not call.wants_reply:
                self.unknown_replies += 1
            elif not self.in_flight.answer(call, delivery.body):
                call.line = None
                self._enqueue(call)

    def end(self, error: BaseException) -> None:
        """Fail all calls because there will never be a line again."""
        self._ended = self._line = error
        for call in self.in_flight:
            self.in_flight.fail(call, partial(call.given_up, "and will have none", self.trouble))

    def close(self) -> None:
        """Fail all calls because the client is closed."""
        self._ended = self._line = NotSent("the client is closed")
        self.in_flight.close()

    def _enqueue(self, call: Call) -> None:
        self._unsent.append(call)
        self._wake.set()
        if len(self._unsent) > MOST_FORGOTTEN and len(self._unsent) > 2 * len(self.in_flight) + MOST_FORGOTTEN:
            wanted = [call for call in self._unsent if call.wanted]
            self._unsent.clear()
            self._unsent.extend(wanted)

    def _write(self, line: Line) -> None:
        batch = self._next_batch()
        if self._unsent:
            self._wake.set()
        if not batch:
            return
        now = self._clock.steady()
        to_posix = self._clock.posix() - now
        try:
            verdicts = line.channel.publish_batch([self._message(call, now, to_posix) for call in batch])
        except InvalidArgument as error:  # a name in the topology is not valid, so no request can be sent
            self._fail_unaccepted(batch, str(error))
            return
        except AmqpError:
            self._unsent.extendleft(reversed(batch))
            raise
        for call in batch:
            call.attempts += 1
            call.line = line
            call.sent_until = call.expires
        verdicts.add_done_callback(partial(self._on_verdicts, line, batch))

    def _next_batch(self) -> list[Call]:
        batch, size = [], 0
        while self._unsent and size < ENOUGH:
            call = self._unsent.popleft()
            if call.wanted:
                batch.append(call)
                size += len(call.body)
        return batch

    def _message(self, call: Call, now: float, to_posix: float) -> Message:
        waits = None
        if call.wants_reply:  # without a reply nobody waits, so the request needs no deadline
            expires = call.expires
            waits = int((expires + to_posix) * 1000), int((expires - now) * 1000)
        return request_message(call.body, self._exchange, self._queue, call.id, waits, trace=call.trace)

    def _on_verdicts(self, line: Line, batch: list[Call], done: asyncio.Future[list[AmqpError | None]]) -> None:
        verdicts = done.result()
        if not any(verdicts):  # the usual case: all are accepted
            line.proven = True
            self._full_queue.accepted()
            for call in batch:
                self.in_flight.accept(call)
            return
        for call, error in zip(batch, verdicts, strict=True):
            self._on_verdict(line, call, error)

    def _on_verdict(self, line: Line, call: Call, error: AmqpError | None) -> None:
        if error is not None and error.unknown:
            return  # the line is closing, or the confirm is late; then the callers' deadlines decide
        line.proven = True
        if error is None:
            self._full_queue.accepted()
            self.in_flight.accept(call)
        elif isinstance(error, Refused):
            retry_after = self._full_queue.refused(self._clock.steady())
            self.in_flight.fail(call, partial(call.refused, self._queue, retry_after))
        else:
            hint = f"; {_HINT}" if isinstance(error, Unroutable) else ""
            self._fail_unaccepted([call], f"{error}{hint}")

    def _on_closed(self, line: Line, closed: asyncio.Future[AmqpError | None]) -> None:
        self._drop(line, closed.result() or ChannelClosed("it was closed by this side"))

    def _drop(self, line: Line, error: AmqpError) -> None:
        """Stop using a line; the calls that were written to it are sent again, or fail."""
        if self._line is line:
            self._line = error
        lost = [call for call in self.in_flight if call.line is line]
        for call in lost:
            call.line = None
        if isinstance(error, ChannelClosed) and error.reply_code in (403, 404) and not line.proven:
            # The broker refused the first publish, and executes nothing that follows it on such a channel.
            self._fail_unaccepted(lost, f"{error}; {_HINT}")
        elif self._on_lost == "fail":
            for call in lost:
                self.in_flight.fail(call, partial(call.given_up, "any more", str(error)))
        else:
            for call in lost:
                call.in_doubt = True
                self._enqueue(call)

    def _fail_unaccepted(self, batch: Sequence[Call], text: str) -> None:
        for call in batch:
            error: Callable[[], LeveretError] = partial(call.unaccepted, text)
            self.in_flight.fail(call, error)
