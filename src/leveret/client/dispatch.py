"""A client's requests on their way: written in batches, asked again on a new connection, matched with their replies."""

from __future__ import annotations

import asyncio
import time
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
from leveret.client.in_flight import Asked, InFlight, Waiter
from leveret.client.line import Line
from leveret.client.room import Room
from leveret.errors import LeveretError, NotSent
from leveret.topology import Topology
from leveret.wire.messages import request_message

OnLost = Literal["reask", "fail"]

ENOUGH: Final = 128 * 1024
"""Bytes of requests after which we look whether the connection takes more."""

MOST_FORGOTTEN: Final = 1000
"""Requests that may lie in the outbox although nobody waits for them any more, as during a long outage."""

_HINT: Final = "is a worker's topology applied?"


class Dispatch:
    """Brings requests to the broker and their replies to the callers, over one line at a time.

    Args:
        topology: where requests go.
        on_lost: what becomes of requests whose connection is lost: ``reask`` with the same id, or ``fail`` at once.

    Attributes:
        in_flight: the requests that somebody waits for.
        unknown_replies: replies to requests that nobody waits for: late, doubled, or not ours.
        last_error: why there is no line at the moment.
    """

    def __init__(self, topology: Topology, on_lost: OnLost) -> None:
        self._exchange, self._queue = topology.exchange, topology.requests
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._line: Line | None = None
        self._outbox: deque[Asked] = deque()
        self._room = Room()
        self._wake = asyncio.Event()
        self._ended: BaseException | None = None
        self.in_flight = InFlight(lambda: self.trouble)
        self.unknown_replies = 0
        self.last_error: BaseException | None = None

    @property
    def trouble(self) -> str | None:
        """Why requests are held back at the moment, or None."""
        if self._line is None:
            return f"there is no connection to the broker: {self.last_error}"
        if self._line.blocked is not None:
            reason = self._line.blocked or "it gives no reason"
            return f"the broker blocks publishers until its alarm is over: {reason}"
        return None

    def ask(self, wanted: Asked, timeout: float) -> Waiter:
        """Take a request on; the caller awaits the waiter's future and then takes it out of ``in_flight``.

        Raises:
            NotSent: the dispatch has ended.
            ValueError, InvalidRequest, IdReused: as `InFlight.join`.
        """
        if self._ended is not None:
            raise NotSent(f"{wanted.name} {wanted.id} was not sent: {self._ended}") from self._ended
        waiter = self.in_flight.join(wanted, timeout)
        if waiter.asked is wanted:
            self._enqueue(wanted)
        return waiter

    async def run(self) -> None:
        """Write what is to be sent whenever there is a line that takes it; until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            line = self._line
            if line is None or not self._outbox:
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
        """There is a new line to write to until it closes, or the reason why there is none."""
        if isinstance(news, AmqpError):
            self.last_error = news
            return
        self._line = news
        news.closed.add_done_callback(partial(self._on_closed, news))
        self._wake.set()

    def on_blocked(self, reason: str | None) -> None:
        """The broker has blocked publishers, or lets them go on."""
        if reason is None:
            self._wake.set()

    def on_replies(self, deliveries: list[Delivery]) -> None:
        """Bring replies to those who wait for them."""
        for delivery in deliveries:
            asked = self.in_flight.find(delivery.properties.correlation_id)
            if asked is None or not asked.wants_reply:
                self.unknown_replies += 1
            elif not self.in_flight.answer(asked, delivery.body):
                asked.line = None
                self._enqueue(asked)

    def end(self, error: BaseException) -> None:
        """Fail everything because there will be no line any more."""
        self._ended = self.last_error = error
        for asked in self.in_flight:
            self.in_flight.fail(asked, partial(asked.given_up, "and will have none", self.trouble))

    def close(self) -> None:
        """Fail everything because the client is closed."""
        self._ended = self.last_error = NotSent("the client is closed")
        self.in_flight.close()

    def _enqueue(self, asked: Asked) -> None:
        self._outbox.append(asked)
        self._wake.set()
        if len(self._outbox) > MOST_FORGOTTEN and len(self._outbox) > 2 * len(self.in_flight) + MOST_FORGOTTEN:
            self._outbox = deque(asked for asked in self._outbox if asked.wanted)

    def _write(self, line: Line) -> None:
        batch = self._next_batch()
        if self._outbox:
            self._wake.set()
        if not batch:
            return
        now = self._loop.time()
        to_posix = time.time() - now
        try:
            verdicts = line.channel.publish_batch([self._message(asked, now, to_posix) for asked in batch])
        except InvalidArgument as error:  # the names in the topology: nobody's request can be sent
            self._fail_unaccepted(batch, str(error))
            return
        except AmqpError:
            self._outbox.extendleft(reversed(batch))
            raise
        for asked in batch:
            asked.attempts += 1
            asked.line = line
            asked.sent_until = asked.expires
        verdicts.add_done_callback(partial(self._on_verdicts, line, batch))

    def _next_batch(self) -> list[Asked]:
        batch, size = [], 0
        while self._outbox and size < ENOUGH:
            asked = self._outbox.popleft()
            if asked.wanted:
                batch.append(asked)
                size += len(asked.body)
        return batch

    def _message(self, asked: Asked, now: float, to_posix: float) -> Message:
        waits = None
        if asked.wants_reply:
            expires = asked.expires
            waits = int((expires + to_posix) * 1000), int((expires - now) * 1000)
        return request_message(asked.body, self._exchange, self._queue, asked.id, waits)

    def _on_verdicts(self, line: Line, batch: list[Asked], done: asyncio.Future[list[AmqpError | None]]) -> None:
        verdicts = done.result()
        if not any(verdicts):  # all are accepted, as nearly always
            line.proven = True
            self._room.accepted()
            for asked in batch:
                self.in_flight.accept(asked)
            return
        for asked, error in zip(batch, verdicts, strict=True):
            self._on_verdict(line, asked, error)

    def _on_verdict(self, line: Line, asked: Asked, error: AmqpError | None) -> None:
        if error is not None and error.unknown:
            return  # the line is closing, or the confirm is late: then the caller's deadline decides
        line.proven = True
        if error is None:
            self._room.accepted()
            self.in_flight.accept(asked)
        elif isinstance(error, Refused):
            retry_after = self._room.refused(self._loop.time())
            self.in_flight.fail(asked, partial(asked.refused, self._queue, retry_after))
        else:
            hint = f"; {_HINT}" if isinstance(error, Unroutable) else ""
            self._fail_unaccepted([asked], f"{error}{hint}")

    def _on_closed(self, line: Line, closed: asyncio.Future[AmqpError | None]) -> None:
        self._drop(line, closed.result() or ChannelClosed("it was closed by this side"))

    def _drop(self, line: Line, error: AmqpError) -> None:
        """Go on without a line: what was written to it is asked again, or fails."""
        if self._line is line:
            self._line, self.last_error = None, error
        lost = [asked for asked in self.in_flight if asked.line is line]
        for asked in lost:
            asked.line = None
        if isinstance(error, ChannelClosed) and error.reply_code in (403, 404) and not line.proven:
            # Refused from the first publish on: the broker executes nothing that follows on such a channel.
            self._fail_unaccepted(lost, f"{error}; {_HINT}")
        elif self._on_lost == "fail":
            for asked in lost:
                self.in_flight.fail(asked, partial(asked.given_up, "any more", str(error)))
        else:
            for asked in lost:
                asked.in_doubt = True
                self._enqueue(asked)

    def _fail_unaccepted(self, batch: Sequence[Asked], text: str) -> None:
        for asked in batch:
            error: Callable[[], LeveretError] = partial(asked.unaccepted, text)
            self.in_flight.fail(asked, error)
