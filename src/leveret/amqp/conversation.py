"""The life of one channel: questions and answers, and how it ends (AMQP 0-9-1 section 1.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pamqp import base, commands

from leveret.amqp.calls import Calls
from leveret.amqp.errors import AmqpError, ChannelClosed, channel_closed
from leveret.amqp.link import Link
from leveret.amqp.message import FieldTable
from leveret.amqp.methods import encode_method
from leveret.amqp.reader import Event

Reply = TypeVar("Reply")


class Conversation:
    """What every channel can do before it knows anything of queues and messages."""

    def __init__(self, link: Link, number: int, release: Callable[[int], None]) -> None:
        self.number = number
        self._link = link
        self._release = release
        self._calls = Calls(link.limits.rpc)
        self._ended: asyncio.Future[AmqpError | None] = link.loop.create_future()
        self._error: AmqpError | None = None
        self._closing = False

    @property
    def is_open(self) -> bool:
        """Whether it can be used now."""
        return not (self._closing or self._ended.done())

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when the channel has ended: with the error that ended it, or None after our own close.

        Each access gives a view of its own, so that cancelling a waiter cancels nothing else.
        """
        return asyncio.shield(self._ended)

    def check(self) -> None:
        """Raise what ended the channel, if something did."""
        self._link.check()
        if self._closing or self._ended.done():
            raise (self._error or ChannelClosed("it was closed by this side")).fresh()

    async def ask(
        self,
        call: base.Frame,
        what: str,
        *accepts: type[Reply],
        arguments: FieldTable | None = None,
        late: Callable[[Reply], None] | None = None,
    ) -> Reply:
        """Send a method and wait for its reply.

        Raises:
            InvalidArgument: AMQP cannot carry a value; nothing was sent.
            ChannelClosed: The broker refused; the channel is closed.
            ConnectionLost: The connection ended.
            AmqpTimeout: No reply within the limit `rpc`; `what` names it.
        """
        self.check()
        frame = encode_method(self.number, call, arguments)
        return await self._calls.call(lambda: self._link.write(frame), what, *accepts, late=late)

    def send(self, call: base.Frame) -> None:
        """Send a method that has no reply."""
        self._link.write(encode_method(self.number, call))

    async def open(self) -> None:
        """Open the channel at the broker."""
        opened = commands.Channel.OpenOk
        call = commands.Channel.Open()
        await self.ask(call, f"channel.open of channel {self.number}", opened, late=lambda _: self.abandon())

    def abandon(self) -> None:
        """Close a channel whose opening was given up; nobody waits for the answer."""
        if self.is_open:
            self.close_because(ChannelClosed("it was given up while it was being opened"))

    async def close(self) -> None:
        """Close the channel; unsettled deliveries go back to their queues.

        Idempotent, waits at most the limit `close`, and raises nothing because the broker is gone.
        """
        if not self.is_open:
            await asyncio.wait((self._ended,), timeout=self._link.limits.close)
            return
        self._closing = True
        frame = encode_method(self.number, commands.Channel.Close(200, "", 0, 0))
        what, limit = f"channel.close of channel {self.number}", self._link.limits.close
        reply = commands.Channel.CloseOk
        try:
            await self._calls.call(lambda: self._link.write(frame), what, reply, late=self._closed_late, limit=limit)
            self._release(self.number)
        except AmqpError:
            return  # the connection is gone, or the broker is silent: then the number stays taken
        finally:
            self.end(None)

    def _closed_late(self, _reply: commands.Channel.CloseOk) -> None:
        self._release(self.number)

    def closed_by_broker(self, event: commands.Channel.Close) -> None:
        """Answer a channel.close; everything that waits on the channel gets the broker's words."""
        self.send(commands.Channel.CloseOk())
        if self._closing:
            return  # both sides close at once: the broker's close-ok is still to come and frees the number
        self.end(channel_closed(event.reply_code or 0, event.reply_text))
        self._release(self.number)

    def close_because(self, error: AmqpError) -> None:
        """Close the channel of our own accord and tell everybody that waits on it why."""
        self.send(commands.Channel.Close(200, "", 0, 0))
        self.end(error)
        self._closing = True
        self._calls.expect("channel.close", commands.Channel.CloseOk, late=self._closed_late)

    def end(self, error: AmqpError | None) -> None:
        """Tell everything that waits; None after our own close."""
        if error is not None:
            self._calls.end(error)
        if self._ended.done():
            return
        self._error = error
        self._ended.set_result(error)
        self.on_end(error or ChannelClosed("it was closed by this side"))

    def on_end(self, error: AmqpError) -> None:
        """What else is to be told; a channel knows more."""

    def receive(self, event: Event) -> None:
        """Take a reply; a channel knows more."""
        self._calls.reply(event)
