"""Methods that have a reply: asked, waited for, matched in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from pamqp.commands import Channel

from leveret.amqp.errors import AmqpError, AmqpTimeout, ChannelClosed, ProtocolError
from leveret.amqp.reader import Event

Reply = TypeVar("Reply")


class _Call:
    """One reply that is due; `late` gets it when nobody waits any more."""

    __slots__ = ("accepts", "future", "late", "what")

    def __init__(self, accepts: tuple[type, ...], what: str, late: Callable[[Any], None] | None) -> None:
        self.accepts, self.what, self.late = accepts, what, late
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class Calls:
    """The replies that one channel owes us.

    A broker answers the methods of a channel in order (AMQP 0-9-1 section 2.2.2), so a queue is enough, and a call
    that was given up keeps its place in it: its reply must not be taken for the next one's.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._due: deque[_Call] = deque()

    async def call(
        self,
        send: Callable[[], None],
        what: str,
        *accepts: type[Reply],
        late: Callable[[Reply], None] | None = None,
        limit: float | None = None,
    ) -> Reply:
        """Send, and wait for a reply of one of the types `accepts`.

        `late` is told of a reply that came after the caller went away, so that nothing it brought is left behind.

        Raises:
            AmqpTimeout: No reply within the limit (seconds); `what` names it.
            AmqpError: The channel or the connection ended first.
        """
        send()
        due = _Call(accepts, what, late)
        self._due.append(due)
        limit = self._limit if limit is None else limit
        try:
            async with asyncio.timeout(limit):
                return cast("Reply", await due.future)
        except TimeoutError:
            raise AmqpTimeout(what, limit) from None
        except asyncio.CancelledError:
            if late and not due.future.cancelled() and due.future.exception() is None:
                with suppress(AmqpError):
                    late(due.future.result())  # the reply and the cancellation came in the same turn of the loop
            raise

    def expect(self, what: str, accepts: type[Reply], late: Callable[[Reply], None]) -> None:
        """Note a reply that is due to a question for which nobody waits."""
        due = _Call((accepts,), what, late)
        due.future.cancel()
        self._due.append(due)

    def reply(self, event: Event) -> None:
        """Give a reply to the call whose turn it is.

        Raises:
            ProtocolError: No reply is due, or it is one of another method.
        """
        if isinstance(event, Channel.CloseOk):
            self._give_up_unanswered()
        elif self._due and self._due[0].future.cancelled() and self._due[0].accepts == (Channel.CloseOk,):
            return  # the answer to something that was asked before the close, of which everybody was told
        if not self._due:
            raise ProtocolError(f"{_name(event)} without a question", 503)
        due = self._due.popleft()
        if not isinstance(event, due.accepts):
            self._due.appendleft(due)
            raise ProtocolError(f"{_name(event)} in answer to {due.what}", 503)
        if not due.future.done():
            due.future.set_result(event)
        elif due.late:
            due.late(event)

    def _give_up_unanswered(self) -> None:
        """A channel closed right after a consume of a quorum queue closes without answering it (RabbitMQ 3.10)."""
        while self._due and Channel.CloseOk not in self._due[0].accepts:
            due = self._due.popleft()
            if not due.future.done():
                due.future.set_exception(ChannelClosed(f"The channel was closed before the answer to {due.what}"))

    def end(self, error: AmqpError) -> None:
        """Fail everything that still waits."""
        while self._due:
            due = self._due.popleft()
            if not due.future.done():
                due.future.set_exception(error.fresh())


def _name(event: Event) -> str:
    return str(getattr(event, "name", type(event).__name__))
