"""Methods that the broker has to answer: sent, waited for, and matched with their answers in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from pamqp.commands import Channel

from leveret.amqp.errors import AmqpError, AmqpTimeout, ChannelClosed, ProtocolError
from leveret.amqp.reader import Event

Answer = TypeVar("Answer")


class _Question:
    """One method that has no answer yet; `late` is called with the answer when the caller no longer waits."""

    __slots__ = ("accepts", "future", "late", "what")

    def __init__(self, accepts: tuple[type, ...], what: str, late: Callable[[Any], None] | None) -> None:
        self.accepts, self.what, self.late = accepts, what, late
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class Questions:
    """The methods of one channel that the broker has not answered yet.

    A broker answers the methods of a channel in order (AMQP 0-9-1 section 2.2.2), so a queue is enough. A question
    whose caller gave up keeps its place in the queue, so that its answer is not taken for the answer to the next one.

    Args:
        limit: Seconds to wait for an answer.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._open: deque[_Question] = deque()

    async def ask(
        self,
        send: Callable[[], None],
        what: str,
        *accepts: type[Answer],
        late: Callable[[Answer], None] | None = None,
        limit: float | None = None,
    ) -> Answer:
        """Send a method and wait for its answer.

        Args:
            send: Sends the method.
            what: Names the method in the text of a timeout.
            accepts: The types that the answer may have.
            late: Called with an answer that comes when the caller no longer waits, so that the caller can undo what
                the method did.
            limit: Seconds to wait, if not as long as for other methods.

        Raises:
            AmqpTimeout: No answer within the limit.
            AmqpError: The channel or the connection ended first.
        """
        send()
        question = _Question(accepts, what, late)
        self._open.append(question)
        limit = self._limit if limit is None else limit
        try:
            async with asyncio.timeout(limit):
                return cast("Answer", await question.future)
        except TimeoutError:
            raise AmqpTimeout(what, limit) from None
        except asyncio.CancelledError:
            if late and not question.future.cancelled() and question.future.exception() is None:
                with suppress(AmqpError):
                    late(question.future.result())  # the answer and the cancellation came in the same turn of the loop
            raise

    def expect(self, what: str, accepts: type[Answer], late: Callable[[Answer], None]) -> None:
        """Note a method that was sent and for whose answer nobody waits; `late` is called with the answer."""
        question = _Question((accepts,), what, late)
        question.future.cancel()
        self._open.append(question)

    def answer(self, event: Event) -> None:
        """Hand an answer to the question that is next in order.

        Raises:
            ProtocolError: No question is open, or the answer is one to another method.
        """
        if isinstance(event, Channel.CloseOk):
            self._give_up_unanswered()
        elif self._open and self._open[0].future.cancelled() and self._open[0].accepts == (Channel.CloseOk,):
            return  # it answers a question from before the close, and that question has failed already
        if not self._open:
            raise ProtocolError(f"{_name(event)} without a question", 503)
        question = self._open[0]
        if not isinstance(event, question.accepts):
            raise ProtocolError(f"{_name(event)} in answer to {question.what}", 503)
        self._open.popleft()
        if not question.future.done():
            question.future.set_result(event)
        elif question.late:
            question.late(event)

    def _give_up_unanswered(self) -> None:
        """Fail the questions before a close-ok: RabbitMQ 3.10 does not answer a consume of a quorum queue then."""
        while self._open and Channel.CloseOk not in self._open[0].accepts:
            question = self._open.popleft()
            if not question.future.done():
                error = ChannelClosed(f"The channel was closed before the answer to {question.what}")
                question.future.set_exception(error)

    def end(self, error: AmqpError) -> None:
        """Fail every open question."""
        while self._open:
            question = self._open.popleft()
            if not question.future.done():
                question.future.set_exception(error.fresh())


def _name(event: Event) -> str:
    return str(getattr(event, "name", type(event).__name__))
