"""The methods of one channel, their answers, and the channel's end (AMQP 0-9-1 section 1.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pamqp import base, commands

from leveret.amqp.errors import AmqpError, ChannelClosed, channel_closed
from leveret.amqp.link import Link
from leveret.amqp.message import FieldTable
from leveret.amqp.methods import encode_method
from leveret.amqp.questions import Questions
from leveret.amqp.reader import Event

Answer = TypeVar("Answer")


class Conversation:
    """Asks the broker on one channel, and knows whether the channel is open.

    The other parts of a channel stand on it: `Channel` for its user, `Receiver` for the connection.

    Args:
        link: The socket of the connection.
        number: The channel's number, 1 or above.
        release: Called with the number when the broker and this side agree that it is free again.

    Attributes:
        is_open: Whether the channel can be used now. It is a plain attribute because it is read for each message.
        at_end: Each is called once, with the reason, when the channel ends.
    """

    def __init__(self, link: Link, number: int, release: Callable[[int], None]) -> None:
        self.link = link
        self.number = number
        self.is_open = True
        self.at_end: list[Callable[[AmqpError], None]] = []
        self._release = release
        self._questions = Questions(link.limits.rpc)
        self._ended: asyncio.Future[AmqpError | None] = link.loop.create_future()

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when the channel has ended: with the error that ended it, or None after our own close.

        Each access returns a new future, so that cancelling one waiter does not cancel the others.
        """
        return asyncio.shield(self._ended)

    def check(self) -> None:
        """Raise what ended the connection or the channel, if something did."""
        if not self.is_open:  # as it is when the connection has ended, see `Connection`
            self.link.check()
            error = self._ended.result() if self._ended.done() else None
            raise (error or ChannelClosed("it was closed by this side")).fresh()

    async def ask(
        self,
        call: base.Frame,
        what: str,
        *accepts: type[Answer],
        arguments: FieldTable | None = None,
        late: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """Send a method and wait for its answer.

        Args:
            call: The method.
            what: Names it in the text of a timeout.
            accepts: The types that the answer may have.
            arguments: Take the place of the method's last field.
            late: Called with an answer that comes when the caller no longer waits.

        Raises:
            InvalidArgument: AMQP cannot carry a value; nothing was sent.
            ChannelClosed: The broker refused; the channel is closed.
            ConnectionLost: The connection ended.
            AmqpTimeout: No answer within the limit `rpc`.
        """
        self.check()
        frame = encode_method(self.number, call, arguments)
        return await self._questions.ask(lambda: self.link.write(frame), what, *accepts, late=late)

    def ask_aside(self, call: base.Frame, what: str, accepts: type[Answer], late: Callable[[Answer], None]) -> None:
        """Send a method without waiting for its answer; `late` is called with it."""
        self.send(call)
        self._questions.expect(what, accepts, late)

    def send(self, call: base.Frame) -> None:
        """Send a method that has no answer."""
        self.link.write(encode_method(self.number, call))

    def answer(self, event: Event) -> None:
        """Hand an answer to the method that waits for it.

        Raises:
            ProtocolError: No method waits for such an answer.
        """
        self._questions.answer(event)

    async def open(self) -> None:
        """Open the channel at the broker; raises as `ask`."""
        opened = commands.Channel.OpenOk
        call = commands.Channel.Open()
        await self.ask(call, f"channel.open of channel {self.number}", opened, late=lambda _: self.abandon())

    def abandon(self) -> None:
        """Close a channel whose caller gave up while it was being opened; do not wait for the answer."""
        if self.is_open:
            self.close_because(ChannelClosed("it was given up while it was being opened"))

    async def close(self) -> None:
        """Close the channel; see `Channel.close`."""
        if not self.is_open:
            await asyncio.wait((self._ended,), timeout=self.link.limits.close)
            return
        self.is_open = False
        frame = encode_method(self.number, commands.Channel.Close(200, "", 0, 0))
        what, limit = f"channel.close of channel {self.number}", self.link.limits.close
        done = commands.Channel.CloseOk
        try:
            await self._questions.ask(lambda: self.link.write(frame), what, done, late=self._closed_late, limit=limit)
            self._release(self.number)
        except AmqpError:
            return  # the connection is gone, or the broker is silent: then the number stays taken
        finally:
            self.end(None)

    def _closed_late(self, _done: commands.Channel.CloseOk) -> None:
        self._release(self.number)

    def closed_by_broker(self, event: commands.Channel.Close) -> None:
        """Answer a channel.close, and end the channel with the broker's words."""
        self.send(commands.Channel.CloseOk())
        if not self.is_open:
            return  # both sides close at once: the broker's close-ok is still to come and frees the number
        self.end(channel_closed(event.reply_code or 0, event.reply_text))
        self._release(self.number)

    def close_because(self, error: AmqpError) -> None:
        """Close the channel without waiting for the broker, and end it with `error`."""
        self.send(commands.Channel.Close(200, "", 0, 0))
        self.end(error)
        self._questions.expect("channel.close", commands.Channel.CloseOk, late=self._closed_late)

    def end(self, error: AmqpError | None) -> None:
        """Tell everything that waits on the channel that it has ended; None after our own close."""
        if error is not None:
            self._questions.end(error)
        self.is_open = False
        if self._ended.done():
            return
        self._ended.set_result(error)
        for tell in self.at_end:
            tell(error or ChannelClosed("it was closed by this side"))
